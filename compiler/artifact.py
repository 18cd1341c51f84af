"""The artifact: a compiled connectome in one HDF5 file, and all that the runtime reads of the compiler.

This module imports nothing of the other rooms, and no torch. The same spec and seed give the same bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import math
import os
import re
import typing
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, TypeAlias

import h5py
import numpy as np
import pydantic

from cortexc import hdf5, replacement
from cortexc.digests import DigestError

FORMAT = 2
MAX_SIZE: Final = 2**20
"""Of a grid, a width, or classes; far above what can be trained."""
MAX_PARAMETERS: Final = 10**10

Scale: TypeAlias = Literal["attention", "column", "embedding", "readout"]
Composed: TypeAlias = Literal["", "dense", "gather", "edges"]
"""A kernel of attention in torch's own operations."""
Kernel: TypeAlias = Literal["", "copy", "prior", "dense", "gather", "edges", "sparse"]
COMPOSED: tuple[Composed, ...] = ("dense", "gather", "edges")
SCALES: tuple[Scale, ...] = ("attention", "column", "embedding", "readout")
UNLISTED_DEFAULT = {"unlisted_default": True}
"""Metadata of a field that was added to the format later. Its default is not saved, so that older artifacts can be read
and keep their content hash."""


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class ArtifactError(ValueError):
    """A file is not an artifact, is damaged, or was written by another version of the format."""


@dataclass(frozen=True)
class Population:
    """One population of one area: ``name`` is ``area.population``, or the input's own name."""

    name: str
    area: str
    kind: Literal["input", "excitatory", "inhibitory"]
    grid: tuple[int, int]
    width: int
    """Channels."""
    hidden: int
    """Hidden channels of this population in the column."""
    values: Literal["one_to_one", "block", "dense"]
    values_from: Literal["state", "normalized"]
    output: Literal["one_to_one", "dense"]
    dale: bool
    surround: float = 0.0
    """Semi-saturation of the instance normalisation of its hidden channels [hidden units]; 0 for no normalisation."""
    shared: str = field(default="", metadata=UNLISTED_DEFAULT)
    """Under which name it shares its column weights with other areas; empty if it has its own."""

    @property
    def column(self) -> str:
        """The name under which its column weights are: ``{column}.column_norm.gain`` and so on."""
        return self.shared or self.name

    @property
    def tokens(self) -> int:
        """Number of columns."""
        return self.grid[0] * self.grid[1]


@dataclass(frozen=True, eq=False)
class Connection:
    """Sparse weights from the tokens of a source population to those of a target, as CSR with targets as rows.

    ``weight`` is float64, positive, and sums to 1 over each row that has entries.
    """

    name: str
    shape: tuple[int, int]
    indptr: np.ndarray
    indices: np.ndarray
    weight: np.ndarray

    @property
    def nonzeros(self) -> int:
        """Number of connected token pairs."""
        return len(self.indices)

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """How many sources each target has (targets,)."""
        return np.diff(self.indptr)

    @property
    def rows(self) -> np.ndarray:
        """The target of each connected pair (nonzeros,), beside ``indices``, its source."""
        return np.repeat(np.arange(self.shape[0]), self.counts)

    @property
    def is_identity(self) -> bool:
        """Whether every token receives input from the token with the same number, and from no other."""
        return self.shape == (self.nonzeros,) * 2 and np.array_equal(self.rows, self.indices)


@dataclass(frozen=True)
class Init:
    """Initial values of a parameter: normal with a standard deviation, or constant, for each block of its last axis."""

    kind: Literal["normal", "constant"]
    blocks: tuple[tuple[int, float], ...]
    """(width of the block along the last axis, value), in order; widths sum to that axis."""


@dataclass(frozen=True)
class Parameter:
    """A learnable tensor, shared over time."""

    name: str
    shape: tuple[int, ...]
    scale: Scale
    init: Init

    @property
    def size(self) -> int:
        """Number of learnable values."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Source:
    """One input of a relay or an attention op: a state or an emission, its connection, and its weight."""

    value: str
    population: str
    connection: str
    weight: float


class _OfPopulation:
    """Base of ops that compute one value of one population."""

    population: str
    output: str

    @property
    def populations(self) -> tuple[str, ...]:
        """Whose states it reads or makes."""
        return (self.population,)

    @property
    def writes(self) -> tuple[str, ...]:
        """The values that it makes."""
        return (self.output,)


class _Receiving(_OfPopulation):
    """Base of ops that add input from other populations to a state."""

    state: str | None
    sources: tuple[Source, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The values that it reads: the state, if the population has one yet, and the values of its sources."""
        own = (self.state,) if self.state else ()
        return (*own, *(s.value for s in self.sources))


@dataclass(frozen=True)
class Embed(_OfPopulation):
    """Turns the image into the state of the input."""

    kind: ClassVar[str] = "embed"
    reads: ClassVar[tuple[str, ...]] = ()
    sources: ClassVar[tuple[Source, ...]] = ()
    name: str
    population: str
    output: str


@dataclass(frozen=True)
class Emit(_OfPopulation):
    """Computes what a population sends from one of its states: values, and keys if any attention needs them."""

    kind: ClassVar[str] = "emit"
    sources: ClassVar[tuple[Source, ...]] = ()
    name: str
    population: str
    state: str
    output: str
    keys: bool

    @property
    def reads(self) -> tuple[str, ...]:
        """The values that it needs."""
        return (self.state,)


@dataclass(frozen=True)
class Relay(_Receiving):
    """Adds to a state, one-to-one in channels and without attention: x + sum of weight * (connection @ source)."""

    kind: ClassVar[str] = "relay"
    name: str
    population: str
    state: str | None
    sources: tuple[Source, ...]
    output: str


@dataclass(frozen=True)
class Attend(_Receiving):
    """One joint softmax over all inputs of a population; ``driving`` adds to the state, ``modulatory`` multiplies it.

    ``choice`` is false if no token has two keys that can differ: queries and keys would then have no effect, and the
    attention equals the anatomy (kernel ``copy`` if every token has one source at most, else ``prior``).
    """

    kind: ClassVar[str] = "attend"
    name: str
    population: str
    mode: Literal["driving", "modulatory"]
    state: str | None
    sources: tuple[Source, ...]
    output: str
    choice: bool
    kernel: Kernel = ""
    composed: Composed = field(default="", metadata=UNLISTED_DEFAULT)
    """Where the kernel is ``sparse``: the one that takes its place where native code cannot run."""


@dataclass(frozen=True)
class MixTarget:
    """A column update of one population. ``output`` is empty for a population that is read within the update only."""

    population: str
    state: str | None
    excitatory: tuple[str, ...]
    inhibitory: tuple[str, ...]
    output: str
    surround: bool = False
    """Whether its hidden channels are normalised over the columns, which is so if the columns can differ."""


@dataclass(frozen=True)
class Mix:
    """Updates the populations of an area's columns from each other; ``states`` has the populations with a state."""

    kind: ClassVar[str] = "mix"
    sources: ClassVar[tuple[Source, ...]] = ()
    name: str
    area: str
    states: tuple[tuple[str, str], ...]
    targets: tuple[MixTarget, ...]

    @property
    def populations(self) -> tuple[str, ...]:
        """Whose states it reads or makes."""
        return tuple(dict.fromkeys((*(name for name, _ in self.states), *(t.population for t in self.targets))))

    @property
    def reads(self) -> tuple[str, ...]:
        """The values that it needs."""
        return tuple(dict.fromkeys((*(s for _, s in self.states), *(t.state for t in self.targets if t.state))))

    @property
    def writes(self) -> tuple[str, ...]:
        """The values that it makes."""
        return tuple(t.output for t in self.targets if t.output)


@dataclass(frozen=True)
class Readout:
    """Turns the states of some populations into logits: norm, mean over tokens, linear map."""

    kind: ClassVar[str] = "readout"
    writes: ClassVar[tuple[str, ...]] = ()
    sources: ClassVar[tuple[Source, ...]] = ()
    name: str
    states: tuple[tuple[str, str], ...]

    @property
    def populations(self) -> tuple[str, ...]:
        """Whose states it reads."""
        return tuple(name for name, _ in self.states)

    @property
    def reads(self) -> tuple[str, ...]:
        """The values that it needs."""
        return tuple(state for _, state in self.states)


Op: TypeAlias = Embed | Emit | Relay | Attend | Mix | Readout
"""Each has ``populations``, the values that it ``reads`` and ``writes``, and the ``sources`` that connect to it."""
OPS: dict[str, type[Op]] = {op.kind: op for op in (Embed, Emit, Relay, Attend, Mix, Readout)}


def sweep_of(value: str) -> int:
    """Return the sweep in which a value is computed: 2 for ``V1.L23E@2.mixed``, 0 for the image."""
    return int(value.partition("@")[2].partition(".")[0].partition("/")[0])


@dataclass(frozen=True)
class Wiring:
    """The populations whose states the column weights of a population read, in the order of the weights' columns."""

    population: str
    excitatory: tuple[str, ...]
    inhibitory: tuple[str, ...]
    own: bool
    """Whether its own state is an input too: so for an inhibitory population with axons from outside the column."""


@dataclass(frozen=True)
class InputSettings:
    """How an image becomes tokens."""

    channels: int
    patch: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    point_spread: float
    """[pixels]; 0 for none."""
    gain_control: Literal["none", "global", "local"]
    pool: int
    semi_saturation: float
    positions: bool
    gain_mean: Literal["pooled", "channel"] = field(default="pooled", metadata=UNLISTED_DEFAULT)
    """Which mean the gain control subtracts: one over all channels, or that of each channel."""
    gain_spread: Literal["pooled", "channel"] = field(default="pooled", metadata=UNLISTED_DEFAULT)
    """Which standard deviation the gain control divides by: one over all channels, or that of each channel."""


@dataclass(frozen=True)
class Cost:
    """The cost of one op for one image."""

    op: str
    tokens: int
    nonzeros: int
    density: float
    flops: int
    """Multiplications and additions over existing connections; 2 per multiply-accumulate."""
    parameters: int
    """Learnable values that the op reads; they are shared by all ops of the same population."""


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled connectome."""

    name: str
    seed: int
    heads: int
    key_width: int
    classes: int
    input: InputSettings
    populations: tuple[Population, ...]
    connections: dict[str, Connection]
    wirings: tuple[Wiring, ...]
    parameters: tuple[Parameter, ...]
    ops: tuple[Op, ...]
    costs: tuple[Cost, ...]
    spec: str
    """The spec with references resolved and defaults left out, as YAML."""
    texts: dict[str, str] = field(default_factory=dict)
    """The YAML files that the spec was read from, by path."""
    versions: dict[str, str] = field(default_factory=dict)
    pipeline: str = ""

    @functools.cached_property
    def by_name(self) -> dict[str, Population]:
        """The populations by their names."""
        return {p.name: p for p in self.populations}

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of an input image: channels, height, width."""
        grid = self.populations[0].grid
        return self.input.channels, grid[0] * self.input.patch, grid[1] * self.input.patch

    @property
    def parameter_counts(self) -> dict[str, int]:
        """Learnable values by scale, and in total."""
        counts: dict[str, int] = {s: sum(p.size for p in self.parameters if p.scale == s) for s in SCALES}
        return {**counts, "total": sum(counts.values())}

    @property
    def flops_per_image(self) -> int:
        """Multiplications and additions of one forward pass over existing connections."""
        return sum(c.flops for c in self.costs)

    @property
    def updates(self) -> dict[tuple[str, int], list[Op]]:
        """The ops by the area and sweep whose values they compute, in order; without the readout."""
        found: dict[tuple[str, int], list[Op]] = {}
        for op in self.ops:
            for value in op.writes[:1]:
                found.setdefault((self.by_name[op.populations[0]].area, sweep_of(value)), []).append(op)
        return found

    @property
    def summary(self) -> str:
        """A summary in four lines: images and classes, populations and heads, parameters, FLOPs."""
        channels, height, width = self.image_shape
        return (
            f"{self.name}: images {channels}x{height}x{width} -> {self.classes} classes\n"
            f"  {len(self.populations)} populations, {self.heads} heads of {self.key_width} key channels, "
            f"seed {self.seed}, {self.content_hash()[:19]}\n"
            f"  parameters: {', '.join(f'{scale} {n:,}' for scale, n in self.parameter_counts.items())}\n"
            f"  FLOPs per image: {self.flops_per_image:,}"
        )

    def __repr__(self) -> str:
        """Return a summary that fits on a screen."""
        kinds = Counter(op.kind for op in self.ops)
        return f"Program {self.summary}\n  {len(self.ops)} ops: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}"

    def content_hash(self) -> str:
        """Return the SHA-256 over everything that decides what the model computes, ``sha256:...``."""
        digest = hashlib.sha256(_listing(self).encode())
        for name in sorted(self.connections):
            connection = self.connections[name]
            for part in (connection.indptr, connection.indices, connection.weight):
                digest.update(np.ascontiguousarray(part).tobytes())
        return f"sha256:{digest.hexdigest()}"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the artifact; nothing half-written is left under its name.

        Raises:
            OSError: the file cannot be written.
        """
        replacement.write(Path(path), as_bytes(self), digest=True)


_APART = ("connections", "ops", "spec", "texts", "versions")
_IN_LISTING = tuple(f.name for f in dataclasses.fields(Program) if f.name not in _APART)


def _listing(program: Program) -> str:
    data = {n: _plain(getattr(program, n)) for n in _IN_LISTING}
    data["ops"] = [{"kind": op.kind, **_plain(op)} for op in program.ops]
    data["connections"] = {n: list(c.shape) for n, c in sorted(program.connections.items())}
    return json.dumps(data, indent=1, sort_keys=True, allow_nan=False)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        written = {f: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {
            f.name: _plain(v) for f, v in written.items() if not (f.metadata.get("unlisted_default") and v == f.default)
        }
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def as_bytes(program: Program) -> bytes:
    """Return the artifact file's bytes, without the digest at its end."""
    buffer = io.BytesIO()
    text = h5py.string_dtype()
    with h5py.File(buffer, "w", libver="v110", track_order=False) as file:
        file.attrs["format"] = FORMAT
        file.attrs["program"] = "cortexc"
        file.attrs[hdf5.MARK] = hdf5.MARKED
        file.attrs["content_hash"] = program.content_hash()
        file.create_dataset("listing", data=_listing(program), dtype=text)
        file.create_dataset("spec", data=program.spec, dtype=text)
        file.create_dataset("versions", data=json.dumps(program.versions, sort_keys=True), dtype=text)
        texts = file.create_group("texts")
        for i, (path, content) in enumerate(sorted(program.texts.items())):
            texts.create_dataset(f"{i:03d}", data=content, dtype=text).attrs["path"] = path
        group = file.create_group("connections")
        for i, name in enumerate(sorted(program.connections)):
            connection = program.connections[name]
            entry = group.create_group(f"{i:06d}")
            entry.attrs["name"] = name
            entry.attrs["shape"] = connection.shape
            for part in ("indptr", "indices", "weight"):
                data = getattr(connection, part)
                packed = {"compression": "gzip", "shuffle": True} if data.size > 1024 else {}
                entry.create_dataset(part, data=data, **packed)
    return buffer.getvalue()


def is_artifact(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is an artifact of any version."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("program") == "cortexc")
    except OSError:
        return False


def load(path: str | os.PathLike[str]) -> Program:
    """Read an artifact.

    Raises:
        ArtifactError: the file is missing, not an artifact, damaged, or of another format version.
    """
    try:
        with hdf5.opened(Path(path)) as file:
            if file.attrs.get("program") != "cortexc":
                raise ArtifactError(
                    f"{path}: an HDF5 file, but not a compiled connectome; make one with `cortexc compile`"
                )
            if (found := int(file.attrs["format"])) != FORMAT:
                raise ArtifactError(
                    f"{path}: artifact format {found}, and this version reads {FORMAT}; compile it again"
                )
            program = _read(file)
            if fault := next(_faults(program), None):
                raise ArtifactError(f"{path}: no sound artifact: {fault}; compile it again")
            if program.content_hash() != file.attrs["content_hash"]:
                raise ArtifactError(f"{path}: its content does not match its hash, so it is damaged; compile it again")
            return program
    except FileNotFoundError:
        raise ArtifactError(f"{path}: there is no such file") from None
    except DigestError as error:
        raise ArtifactError(f"{error}; compile it again") from None
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, (error.title, *first["loc"])))
        raise ArtifactError(f"{path}: not a readable artifact ({where}: {first['msg']}); compile it again") from None
    except ArtifactError:
        raise
    except (OSError, LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ArtifactError(f"{path}: not a readable artifact ({error}); compile it again") from None


def _read(file: Any) -> Program:
    listing = json.loads(file["listing"][()])
    connections = {}
    for entry in file["connections"].values():
        name = str(entry.attrs["name"])
        parts = {part: np.asarray(entry[part][()]) for part in ("indptr", "indices", "weight")}
        for array in parts.values():
            array.setflags(write=False)
        rows, columns = (int(n) for n in entry.attrs["shape"])
        connections[name] = Connection(name, (rows, columns), **parts)
    fields = typing.get_type_hints(Program)
    values = {n: _typed(listing[n], fields[n]) for n in _IN_LISTING}
    ops = tuple(_typed({k: v for k, v in op.items() if k != "kind"}, OPS[op["kind"]]) for op in listing["ops"])
    return Program(
        **values,
        ops=ops,
        connections=connections,
        spec=file["spec"][()].decode(),
        texts={str(t.attrs["path"]): t[()].decode() for t in file["texts"].values()},
        versions=json.loads(file["versions"][()]),
    )


def _typed(value: Any, annotation: Any) -> Any:
    """Return plain JSON data as the dataclasses and tuples of ``annotation``."""
    return pydantic.TypeAdapter(annotation).validate_python(value)


def _faults(program: Program) -> Iterator[str]:
    """Yield what no compiler writes: sizes below 1, indices outside, names that are not there."""
    known = program.by_name
    texts = (program.name, *known, *program.connections, *(p.name for p in program.parameters))
    if any(_CONTROL.search(text) for text in (*texts, *(op.name for op in program.ops))):
        yield "a name holds control characters"
    if not program.populations or program.populations[0].kind != "input" or len(known) < len(program.populations):
        yield "its populations do not begin with the input, or two have the same name"
    for p in program.populations:
        if min(*p.grid, p.width) < 1 or p.hidden < 0 or max(*p.grid, p.width, p.hidden) > MAX_SIZE:
            yield f"population {p.name} has sizes that cannot be: {p.grid}, {p.width}, {p.hidden}"
    sizes = (program.heads, program.key_width, program.classes, program.input.channels, program.input.patch)
    if min(sizes) < 1 or max(sizes) > MAX_SIZE or any(p.width % max(1, program.heads) for p in program.populations):
        yield "heads, keys, classes, channels or patches have sizes that cannot be"
    for parameter in program.parameters:
        widths = [width for width, _ in parameter.init.blocks]
        if min((*parameter.shape, *widths), default=0) < 1 or sum(widths) != parameter.shape[-1]:
            yield f"parameter {parameter.name} has the shape {parameter.shape}, in blocks of {widths}"
        if not parameter.name or not all(abs(value) < MAX_SIZE for _, value in parameter.init.blocks):
            yield f"parameter {parameter.name} has no name, or begins with values that are too large"
    for wiring in program.wirings:
        if wrong := {wiring.population, *wiring.excitatory, *wiring.inhibitory} - set(known):
            yield f"the wiring of {wiring.population} is about {min(wrong)}, which is no population"
    if program.parameter_counts["total"] > MAX_PARAMETERS:
        yield f"it declares {program.parameter_counts['total']:,} parameters"
    for name, c in program.connections.items():
        whole = all(part.ndim == 1 for part in (c.indptr, c.indices, c.weight)) and c.weight.dtype == np.float64
        whole &= c.indptr.dtype.kind == c.indices.dtype.kind == "i" and len(c.indptr) == c.shape[0] + 1
        if not whole or c.indptr[0] != 0 or (c.counts < 0).any() or not c.indptr[-1] == c.nonzeros == len(c.weight):
            yield f"the parts of connection {name} do not fit each other"
        elif c.nonzeros and (c.indices.min() < 0 or c.indices.max() >= c.shape[1]):
            yield f"connection {name} has an index outside of it"
        elif not (np.isfinite(c.weight).all() and (c.weight > 0).all()):
            yield f"connection {name} has a weight that is not positive"
    made: set[str] = set()
    for op in program.ops:
        if not op.name:
            yield "an op has no name"
        if strange := next((p for p in (*op.populations, *(s.population for s in op.sources)) if p not in known), None):
            yield f"op {op.name} is about {strange}, which is no population"
            continue
        if unmade := next((value for value in op.reads if value not in made), None):
            yield f"op {op.name} reads {unmade}, which is not computed before"
        for source in op.sources:
            ends = known[op.populations[0]].tokens, known[source.population].tokens
            if source.connection not in program.connections or program.connections[source.connection].shape != ends:
                yield f"op {op.name} has no connection {source.connection} of {ends[1]} to {ends[0]} columns"
        made.update(op.writes)
    if not program.ops or not isinstance(program.ops[-1], Readout):
        yield "its last op is no readout"
