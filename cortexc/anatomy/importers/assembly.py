"""From wiring to a whole spec: what the data do not say is guessed, and each guess is in the report."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cortexc.connectome.diagnostics.importing import AMBIGUOUS, BAD_TABLE
from cortexc.connectome.diagnostics.rule import did_you_mean
from cortexc.connectome.model import (
    MAX_DELAY,
    Area,
    Attention,
    Connectome,
    Dynamics,
    Exponential,
    Input,
    Lateral,
    Projection,
    Readout,
    Source,
)

from .options import Options
from .report import UNPRINTABLE, ImportReport, failed, printable
from .wiring import WORDS, Wiring

RELAYS = ("lgn", "lgnd", "lgd", "dlgn", "lgd_core", "thalamus_lgn", "lateral_geniculate", "retina")
FIRST = (
    "v1", "visp", "vis_p", "area17", "a17", "17", "primary_visual", "pericalcarine", "la", "lamina",
)  # fmt: skip
SIDE = 32
"""Images have this many pixels a side [pixels]: those of CIFAR-10."""
SIZES = ((64, 8, 32), (512, 4, 32), (2000, 2, 16))
"""Up to so many areas: columns a side of each, channels. Larger connectomes have areas of one column."""
SMALLEST = (1, 8)


def assembled(wiring: Wiring, name: str, files: list[str], options: Options, report: ImportReport) -> Connectome:
    """Return a spec of the wiring; ``files`` are the paths that were named.

    Raises:
        SpecError: names that clash, or an area that options name and the data lack.
    """
    if not _connected(wiring):
        lost = "; ".join(f"dropped: {one}" for one in report.dropped)
        message = "nothing is left to import: no area is connected, to another one or within"
        raise failed(BAD_TABLE, files[0], message, lost or "the data have no connection that is over 0")
    shown = [Path(f).name for f in files]
    clean = _clean(wiring.areas, report)
    wiring, step = _timed(wiring, report)
    relay = _relay(wiring, clean, options, report)
    alive = [i for i in range(len(clean)) if i != relay]
    if not alive:
        raise failed(BAD_TABLE, files[0], f"there is no area but the input, {clean[0]}", "name another one: --input")
    names = [clean[i] for i in alive]
    input_name = clean[relay] if relay is not None else next(n for n in ("LGN", "image", "input") if n not in names)
    side, width = next(((s, w) for most, s, w in SIZES if len(names) <= most), SMALLEST)
    into, out, lateral = _split(wiring, relay, report)
    first = _first(wiring, clean, alive, relay, options, report)
    last = _last(wiring, clean, alive, first, relay, options, report)
    if lacking := [n for n in wiring.areas if "grid" not in wiring.facts.get(n, {})]:
        which = f"{len(lacking):,} areas without one" if len(lacking) < len(names) else f"{len(names):,} areas"
        report.guess("input.grid, areas.*.grid", f"[{side}, {side}]", f"{which}, images of {SIDE} x {SIDE}")
    report.guess("input.width", width, f"{len(names):,} areas")
    sweeps = _sweeps(wiring, relay if relay is not None else first, last, step, report)
    grids = {n: tuple(wiring.facts.get(n, {}).get("grid", (side, side))) for n in wiring.areas}
    cite = ("data",)
    areas = {}
    for i in alive:
        facts = {k: v for k, v in wiring.facts.get(wiring.areas[i], {}).items() if k != "grid"}
        circuit = {"circuit": clean[i]} if wiring.areas[i] in wiring.circuits else {}
        areas[clean[i]] = Area.model_validate(
            {
                "grid": grids[wiring.areas[i]],
                **circuit,
                **facts,
                "source": ["model", *(cite if circuit or facts else ())],
            }
        )
    projections = [_projection(wiring, k, clean, ("data",)) for k in (*into, *out)]
    if relay is None:
        weight = _balance(wiring, first)
        if weight != 1.0:
            report.guess(
                f"weight of {input_name} -> {clean[first]}", f"{weight:g}", "as strong as all other input of that area"
            )
        strength = {} if weight == 1.0 else {"weight": weight}
        lead = {"from": input_name, "to": clean[first], "source": "model", **strength}
        projections.insert(0, Projection.model_validate(lead))
    report.read.append(
        f"{len(names):,} areas, {len(into) + len(out):,} projections, "
        f"{len(lateral):,} connections of areas to themselves"
    )
    grid = grids[wiring.areas[relay]] if relay is not None else (side, side)
    if SIDE % grid[0] or grid[0] != grid[1]:
        grid = (side, side)
    if "fln" not in wiring.values and lateral:
        report.guess("lateral.*.kernel", "exponential, one column", "edges from an area to itself say no distances")
    return Connectome(
        cortexc=1,
        name=name,
        description=f"Imported from {', '.join(shown)}"[:200],
        sources=_sources(options, shown, report),
        input=Input(name=input_name, grid=grid, patch=SIDE // grid[0], width=width, source=("model",)),
        circuits={
            clean[wiring.areas.index(n)]: c for n, c in wiring.circuits.items() if wiring.areas.index(n) != relay
        },
        areas=areas,
        lateral={
            clean[int(wiring.source[k])]: Lateral(
                kernel=Exponential(length=1.0, cutoff=2.5), weight=_strength(wiring, k), source=("data", "model")
            )
            for k in lateral
        },
        projections=tuple(projections),
        attention=Attention(heads=2, key_width=8) if width > 8 else Attention(heads=1, key_width=8),
        dynamics=Dynamics(sweeps=sweeps, step_ms=step),
        readout=Readout(area=clean[last], classes=options.classes),
    )


def _connected(wiring: Wiring) -> bool:
    """Whether there is any connection: between areas, of one to itself, or between the populations of one."""
    inside = [c.connections.probability for c in wiring.circuits.values() if c.connections is not None]
    return len(wiring.source) > 0 or any(not isinstance(rows, tuple) or any(map(any, rows)) for rows in inside)


def _timed(wiring: Wiring, report: ImportReport) -> tuple[Wiring, float | None]:
    """Return the wiring and the step [ms] of which all delays are whole multiples; without delays where none is."""
    delays = wiring.values.get("delay_ms", np.zeros(0))
    known = np.unique(delays[~np.isnan(delays)])
    if not len(known):
        return wiring, None
    for parts in range(1, MAX_DELAY + 1):
        step = float(known[0]) / parts
        steps = known / step
        if steps[-1] <= MAX_DELAY and np.allclose(steps, np.round(steps), rtol=0, atol=1e-6):
            report.guess("dynamics.step_ms", f"{step:g}", "all delays are whole multiples of it")
            return wiring, step
    count = int((~np.isnan(delays)).sum())
    report.drop(count, "delays", f"they are no multiples, up to {MAX_DELAY}, of one step", f"{known[0]:g} ms")
    return replace(wiring, values={n: v for n, v in wiring.values.items() if n != "delay_ms"}), None


def _sweeps(wiring: Wiring, start: int, last: int, step: float | None, report: ImportReport) -> int:
    """Return how many sweeps it takes: two, or as many as delays need on the fastest way to the readout."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    unknown = np.full(len(wiring.source), np.nan)
    delays = wiring.values.get("delay", unknown)
    if step is not None:
        delays = np.where(np.isnan(delays), wiring.values["delay_ms"] / step, delays)
    if np.isnan(delays).all():
        report.guess("dynamics.sweeps", 2, "so that feedback is heard once")
        return 2
    size = len(wiring.areas)
    taken = np.where(np.isnan(delays), 1.0, np.maximum(delays, 1e-9))  # an entry of 0 would be no edge
    graph = coo_array((taken, (wiring.source, wiring.target)), shape=(size, size)).tocsr()
    needed = dijkstra(graph, directed=True, indices=[start])[0][last]
    sweeps = int(min(MAX_DELAY, max(2, np.ceil(needed) + 1))) if np.isfinite(needed) else 2
    report.guess("dynamics.sweeps", sweeps, "the delays on the way to the readout, and one more")
    return sweeps


def _clean(names: tuple[str, ...], report: ImportReport) -> list[str]:
    """Return names that the language can take; the marks that join names become underscores."""
    found = [re.sub(rf"(?:[.@:~>]|{UNPRINTABLE.pattern})+", "_", n).strip()[:200] for n in names]
    changed = [(a, b) for a, b in zip(names, found, strict=True) if a != b]
    if changed:
        why = f"{len(changed):,} names have marks that join names (. @ : ~ >), or that cannot be printed"
        report.guess("names", f"{changed[0][0]} is called {changed[0][1]}", why)
    seen: dict[str, str] = {}
    for before, after in zip(names, found, strict=True):
        if after in seen or not after:
            other = seen.get(after, "")
            message = f"`{printable(before)}` and `{printable(other)}` would both be called `{after}`"
            raise failed(AMBIGUOUS, "names", message, "rename one of them in the data")
        seen[after] = before
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _relay(wiring: Wiring, clean: list[str], options: Options, report: ImportReport) -> int | None:
    """Return which area is the relay of the image, or None where the data have none."""
    if options.input is not None:
        return _asked(options.input, wiring, clean, "--input")
    if wiring.relay is not None:
        return wiring.areas.index(wiring.relay)
    if options.input_to is not None:
        return None
    for i, name in enumerate(clean):
        if _plain(name) in RELAYS and (wiring.source == i).any():
            report.guess("input", name, "by its name", "--input or --input-to")
            return i
    return None


def _asked(name: str, wiring: Wiring, clean: list[str], option: str) -> int:
    for names in (wiring.areas, clean):
        if name in names:
            return list(names).index(name)
    raise failed(BAD_TABLE, option, f"{option} names `{name}`, which is no area", did_you_mean(name, clean))


def _split(wiring: Wiring, relay: int | None, report: ImportReport) -> tuple[list[int], list[int], list[int]]:
    """Return the projections from the relay, those between areas, and those from an area to itself."""
    own = wiring.source == wiring.target
    at = -1 if relay is None else relay
    back = (wiring.target == at) & ~own
    if back.any():
        report.drop(
            int(back.sum()), f"projections to {wiring.areas[at]}", "the relay of the image receives nothing",
            f"{wiring.areas[int(wiring.source[np.flatnonzero(back)[0]])]} -> {wiring.areas[at]}",
        )  # fmt: skip
    if relay is not None and (own & (wiring.source == at)).any():
        report.drop(1, f"projection of {wiring.areas[at]} to itself", "the relay has no horizontal axons")
    into = np.flatnonzero((wiring.source == at) & ~own)
    rest = np.flatnonzero((wiring.source != at) & (wiring.target != at) & ~own)
    lateral = np.flatnonzero(own & (wiring.source != at))
    return into.tolist(), rest.tolist(), lateral.tolist()


def _strength(wiring: Wiring, k: int) -> float:
    for field in ("fln", "weight"):
        if field in wiring.values and not np.isnan(wiring.values[field][k]):
            return float(wiring.values[field][k])
    return 1.0


def _balance(wiring: Wiring, first: int) -> float:
    """Return the strength of all that reaches an area from others: the image counts as much."""
    if "weight" not in wiring.values:
        return 1.0
    reaching = (wiring.target == first) & (wiring.source != first)
    total = float(np.nansum(wiring.values["weight"][reaching]))
    return float(f"{total:.4g}") if total > 0 else 1.0


def _first(
    wiring: Wiring, clean: list[str], alive: list[int], relay: int | None, options: Options, report: ImportReport
) -> int:
    """Return the area that the image reaches."""
    if options.input_to is not None:
        return _asked(options.input_to, wiring, clean, "--input-to")
    if relay is not None:
        reached = wiring.target[wiring.source == relay]
        return int(reached[0]) if len(reached) else alive[0]
    heard = _sending(wiring)
    names = {_plain(clean[i]): i for i in reversed(alive)}
    for wanted in FIRST:
        if wanted in names and (heard[names[wanted]] or len(alive) == 1):
            report.guess(f"input reaches {clean[names[wanted]]}", "yes", "by its name", "--input-to")
            return names[wanted]
    size = len(clean)
    other = wiring.source != wiring.target
    balance = np.bincount(wiring.source[other], minlength=size) - np.bincount(wiring.target[other], minlength=size)
    best = max(alive, key=lambda i: (heard[i], balance[i], -i))
    report.guess(
        f"input reaches {clean[best]}", "yes", "of all areas it sends to most more than it hears from", "--input-to"
    )
    report.edits.append(f"say which area sees the image: `projections`, from the input (now to {clean[best]})")
    return best


def _sending(wiring: Wiring) -> np.ndarray:
    """Return which areas of the largest connected part send to another one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(wiring.areas)
    other = wiring.source != wiring.target
    source, target = wiring.source[other], wiring.target[other]
    graph = coo_array((np.ones(len(source)), (source, target)), shape=(size, size))
    _, part = connected_components(graph, directed=False)
    largest = np.bincount(part).argmax()
    found: np.ndarray = (np.bincount(source, minlength=size) > 0) & (part == largest)
    return found


def _last(
    wiring: Wiring,
    clean: list[str],
    alive: list[int],
    first: int,
    relay: int | None,
    options: Options,
    report: ImportReport,
) -> int:
    """Return the area that is read: the one furthest from the input by the fewest projections."""
    if options.readout is not None:
        return _asked(options.readout, wiring, clean, "--readout")
    if wiring.readout in wiring.areas:
        return wiring.areas.index(wiring.readout)
    depth = _depths(wiring, relay if relay is not None else first)
    reachable = [i for i in alive if depth[i] >= 0]
    size = len(clean)
    fan = np.bincount(wiring.target, minlength=size)
    known = [(i, wiring.facts.get(wiring.areas[i], {}).get("level")) for i in reachable]
    levels = {i: float(level) for i, level in known if level is not None}
    if reachable and len(levels) == len(reachable):
        best = max(reachable, key=lambda i: levels[i])
        report.guess("readout.area", clean[best], "the highest level that the input reaches", "--readout")
    else:
        best = max(reachable or alive, key=lambda i: (depth[i], fan[i], -i))
        report.guess("readout.area", clean[best], "the area furthest from the input", "--readout")
    report.edits.append(f"say where the decision is read: `readout.area` (now {clean[best]})")
    return best


def _depths(wiring: Wiring, start: int) -> np.ndarray:
    """Return the fewest projections from an area to each one, -1 where there is no way."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    size = len(wiring.areas)
    graph = coo_array((np.ones(len(wiring.source)), (wiring.source, wiring.target)), shape=(size, size)).tocsr()
    found = dijkstra(graph, directed=True, indices=[start], unweighted=True)[0]
    return np.where(np.isfinite(found), found, -1).astype(np.int64)


def _projection(wiring: Wiring, k: int, clean: list[str], source: tuple[str, ...]) -> Projection:
    data: dict[str, Any] = {
        "from": clean[int(wiring.source[k])],
        "to": clean[int(wiring.target[k])],
        "source": source,
    }
    for field, column in wiring.values.items():
        value = column[k]
        if field in WORDS:
            if value:
                data[field] = str(value)
        elif not np.isnan(value):
            data[field] = int(value) if field == "delay" else float(value)
    if "fln" in data:
        data.pop("weight", None)
    return Projection.model_validate(data)


def _sources(options: Options, files: list[str], report: ImportReport) -> dict[str, Source]:
    """Return the sources of the spec: what the user said, the data and the choices of this import."""
    found: dict[str, Source] = {}
    identified: dict[str, str] = {}
    for text in options.sources:
        plain = text.strip()
        doi = re.fullmatch(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,}/\S+)", plain, re.IGNORECASE)
        if doi:
            identified.setdefault("doi", doi[1])
        elif re.match(r"https?://", plain):
            identified.setdefault("url", plain)
        else:
            identified["citation"] = "; ".join(filter(None, (identified.get("citation"), plain)))
    found["data"] = Source(**identified, note=f"Imported from {', '.join(files)}.")
    found["model"] = Source(note="Chosen by the import; see the top of this file.", status="assumed")
    if not identified:
        report.edits.append("say where the data come from: `sources.data` (or import with --source DOI)")
    return found
