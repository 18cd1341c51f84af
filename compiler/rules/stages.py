"""The input of the compiler's rules: a connectome, and its graph after the passes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from cortexc.connectome.area_graph import AreaGraph, area_graph
from cortexc.connectome.model import Connectome

from ..ir import Graph


@dataclass(frozen=True, eq=False)
class Stages:
    """The stages of one compilation that rules read."""

    connectome: Connectome
    connected: Graph
    """All pathways, with their connections."""
    final: Graph
    """The graph after all passes, with its ops."""

    @cached_property
    def areas(self) -> AreaGraph:
        """The areas of the connectome and the projections among them."""
        return area_graph(self.connectome)
