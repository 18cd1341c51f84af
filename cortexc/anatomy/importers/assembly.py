"""From wiring to a whole spec: what the data do not say is guessed, and each guess is in the report."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cortexc.connectome.area_graph import components, steps
from cortexc.connectome.diagnostics import did_you_mean, failed
from cortexc.connectome.diagnostics.importing import AMBIGUOUS, BAD_TABLE
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
from .report import JOINS, UNPRINTABLE, ImportReport, printable
from .wiring import WORDS, Wiring

RELAYS = ("lgn", "lgnd", "lgd", "dlgn", "lgd_core", "thalamus_lgn", "lateral_geniculate", "retina")
FIRST = ("v1", "visp", "vis_p", "area17", "a17", "17", "primary_visual", "pericalcarine", "la", "lamina")
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
    wiring, step = _timed(_renamed(wiring, report), report)
    relay = _relay(wiring, options, report)
    alive = [i for i in range(len(wiring.areas)) if i != relay]
    if not alive:
        message = f"there is no area but the input, {wiring.areas[0]}"
        raise failed(BAD_TABLE, files[0], message, "name another one: --input")
    into, between, lateral = _split(wiring, relay, report)
    first = _first(wiring, alive, relay, options, report)
    start = first if relay is None else relay
    last = _last(wiring, alive, start, options, report)
    side, width = next(((s, w) for most, s, w in SIZES if len(alive) <= most), SMALLEST)
    grids = _grids(wiring, alive, side, report)
    report.guess("input.width", width, f"{len(alive):,} areas")
    image = _input(wiring, relay, grids, side, width)
    sweeps = _sweeps(wiring, start, last, step, report)
    projections = [_projection(wiring, k) for k in (*into, *between)]
    if relay is None:
        projections.insert(0, _from_image(wiring, image.name, first, report))
    report.read.append(
        f"{len(alive):,} areas, {len(into) + len(between):,} projections, "
        f"{len(lateral):,} connections of areas to themselves"
    )
    if "fln" not in wiring.values and lateral:
        report.guess("lateral.*.kernel", "exponential, one column", "edges from an area to itself say no distances")
    return Connectome(
        cortexc=1,
        name=name,
        description=f"Imported from {', '.join(shown)}"[:200],
        sources=_sources(options, shown, report),
        input=image,
        circuits={name: circuit for name, circuit in wiring.circuits.items() if name != image.name},
        areas={wiring.areas[i]: _area(wiring, i, grids[i]) for i in alive},
        lateral={wiring.areas[wiring.source[k]]: _lateral(wiring, k) for k in lateral},
        projections=tuple(projections),
        attention=Attention(heads=2, key_width=8) if width > 8 else Attention(heads=1, key_width=8),
        dynamics=Dynamics(sweeps=sweeps, step_ms=step),
        readout=Readout(area=wiring.areas[last], classes=options.classes),
    )


def _grids(wiring: Wiring, alive: list[int], side: int, report: ImportReport) -> list[tuple[int, int]]:
    """Return the grid of each area [columns]: a square where the data have none."""
    known = {name: facts["grid"] for name, facts in wiring.facts.items() if "grid" in facts}
    if lacking := len(wiring.areas) - len(known):
        which = f"{lacking:,} areas without one" if lacking < len(alive) else f"{len(alive):,} areas"
        report.guess("input.grid, areas.*.grid", f"[{side}, {side}]", f"{which}, images of {SIDE} x {SIDE}")
    return [known.get(name, (side, side)) for name in wiring.areas]


def _input(wiring: Wiring, relay: int | None, grids: list[tuple[int, int]], side: int, width: int) -> Input:
    """Return the input: the relay of the data, or a new one where they have none."""
    if relay is None:
        name, rows, columns = next(n for n in ("LGN", "image", "input") if n not in wiring.areas), side, side
    else:
        name, (rows, columns) = wiring.areas[relay], grids[relay]
    if SIDE % rows or rows != columns:
        rows = columns = side
    return Input(name=name, grid=(rows, columns), patch=SIDE // rows, width=width, source=("model",))


def _area(wiring: Wiring, i: int, grid: tuple[int, int]) -> Area:
    name = wiring.areas[i]
    data = {k: v for k, v in wiring.facts.get(name, {}).items() if k != "grid"}
    data |= {"circuit": name} if name in wiring.circuits else {}
    return Area.model_validate({"grid": grid, **data, "source": ["model", "data"] if data else ["model"]})


def _lateral(wiring: Wiring, k: int) -> Lateral:
    """Return the horizontal connections of an area: the data say how strong they are, but not how far they reach."""
    kernel = Exponential(length=1.0, cutoff=2.5)
    return Lateral(kernel=kernel, weight=_strength(wiring, k), source=("data", "model"))


def _from_image(wiring: Wiring, image: str, first: int, report: ImportReport) -> Projection:
    """Return the projection of an input that the data do not have."""
    weight = _balance(wiring, first)
    if weight != 1.0:
        subject = f"weight of {image} -> {wiring.areas[first]}"
        report.guess(subject, f"{weight:g}", "as strong as all other input of that area")
    strength = {} if weight == 1.0 else {"weight": weight}
    return Projection.model_validate({"from": image, "to": wiring.areas[first], "source": "model", **strength})


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
    delays = wiring.values.get("delay", np.full(len(wiring.source), np.nan))
    if step is not None:
        delays = np.where(np.isnan(delays), wiring.values["delay_ms"] / step, delays)
    if np.isnan(delays).all():
        report.guess("dynamics.sweeps", 2, "so that feedback is heard once")
        return 2
    needed = _ways(wiring, start, np.where(np.isnan(delays), 1.0, np.maximum(delays, 1e-9)))[last]  # 0 is no edge
    sweeps = int(min(MAX_DELAY, max(2, np.ceil(needed) + 1))) if np.isfinite(needed) else 2
    report.guess("dynamics.sweeps", sweeps, "the delays on the way to the readout, and one more")
    return sweeps


def _renamed(wiring: Wiring, report: ImportReport) -> Wiring:
    """Return the wiring with names that the language can take; the marks that join names become underscores."""
    called = {name: _taken(name) for name in wiring.areas}
    if changed := [name for name, taken in called.items() if taken != name]:
        why = f"{len(changed):,} names have marks that join names (. @ : ~ >), or that cannot be printed"
        report.guess("names", f"{changed[0]} is called {called[changed[0]]}", why)
    seen: dict[str, str] = {}
    for before, after in called.items():
        if after in seen or not after:
            other = seen.get(after, "")
            message = f"`{printable(before)}` and `{printable(other)}` would both be called `{after}`"
            raise failed(AMBIGUOUS, "names", message, "rename one of them in the data")
        seen[after] = before
    return replace(
        wiring,
        areas=tuple(called.values()),
        circuits={called[name]: circuit for name, circuit in wiring.circuits.items()},
        facts={called[name]: facts for name, facts in wiring.facts.items()},
        relay=called.get(wiring.relay or ""),
        readout=called.get(wiring.readout or ""),
    )


def _taken(name: str) -> str:
    """Return a name as the language takes it."""
    return re.sub(rf"(?:[{JOINS}]|{UNPRINTABLE.pattern})+", "_", name).strip()[:200]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _relay(wiring: Wiring, options: Options, report: ImportReport) -> int | None:
    """Return which area is the relay of the image, or None where the data have none."""
    if options.input is not None:
        return _asked(options.input, wiring, "--input")
    if wiring.relay is not None:
        return wiring.areas.index(wiring.relay)
    if options.input_to is not None:
        return None
    for name, i in _meaningful(wiring).items():
        if name in RELAYS and (wiring.source == i).any():
            report.guess("input", wiring.areas[i], "by its name", "--input or --input-to")
            return i
    return None


def _meaningful(wiring: Wiring) -> dict[str, int]:
    """Return which area each name is of, as names are compared; none where all are invented, or numbers."""
    names = {_plain(name): i for i, name in reversed(list(enumerate(wiring.areas)))}
    empty = wiring.numbered or all(name.isdigit() for name in names)
    return {} if empty else dict(sorted(names.items(), key=lambda item: item[1]))


def _asked(name: str, wiring: Wiring, option: str) -> int:
    """Return the area that an option names, as the data write it or as it is called in the spec."""
    if _taken(name) in wiring.areas:
        return wiring.areas.index(_taken(name))
    raise failed(BAD_TABLE, option, f"{option} names `{name}`, which is no area", did_you_mean(name, wiring.areas))


def _split(wiring: Wiring, relay: int | None, report: ImportReport) -> tuple[list[int], list[int], list[int]]:
    """Return the projections from the relay, those between areas, and those from an area to itself."""
    own = wiring.source == wiring.target
    at = -1 if relay is None else relay
    back = (wiring.target == at) & ~own
    if back.any():
        first = wiring.areas[wiring.source[back][0]]
        what, why = f"projections to {wiring.areas[at]}", "the relay of the image receives nothing"
        report.drop(int(back.sum()), what, why, f"{first} -> {wiring.areas[at]}")
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


def _first(wiring: Wiring, alive: list[int], relay: int | None, options: Options, report: ImportReport) -> int:
    """Return the area that the image reaches."""
    if options.input_to is not None:
        return _asked(options.input_to, wiring, "--input-to")
    if relay is not None:
        reached = wiring.target[wiring.source == relay]
        return int(reached[0]) if len(reached) else alive[0]
    heard = _sending(wiring)
    names = {name: i for name, i in _meaningful(wiring).items() if i in alive}
    for wanted in FIRST:
        if wanted in names and (heard[names[wanted]] or len(alive) == 1):
            report.guess(f"input reaches {wiring.areas[names[wanted]]}", "yes", "by its name", "--input-to")
            return names[wanted]
    other, size = wiring.source != wiring.target, len(wiring.areas)
    balance = np.bincount(wiring.source[other], minlength=size) - np.bincount(wiring.target[other], minlength=size)
    best = max(alive, key=lambda i: (heard[i], balance[i], -i))
    name, why = wiring.areas[best], "of all areas it sends to most more than it hears from"
    report.guess(f"input reaches {name}", "yes", why, "--input-to")
    report.edits.append(f"say which area sees the image: `projections`, from the input (now to {name})")
    return best


def _sending(wiring: Wiring) -> np.ndarray:
    """Return which areas of the largest connected part send to another one."""
    other, size = wiring.source != wiring.target, len(wiring.areas)
    part = components(wiring.source[other], wiring.target[other], size)
    sends = np.bincount(wiring.source[other], minlength=size) > 0
    return sends & (part == np.bincount(part).argmax())


def _last(wiring: Wiring, alive: list[int], start: int, options: Options, report: ImportReport) -> int:
    """Return the area that is read: the one furthest from the input by the fewest projections."""
    if options.readout is not None:
        return _asked(options.readout, wiring, "--readout")
    if wiring.readout is not None:
        return wiring.areas.index(wiring.readout)
    depth = steps(wiring.source, wiring.target, len(wiring.areas), [start])
    reachable = [i for i in alive if depth[i] >= 0]
    facts = {i: wiring.facts.get(wiring.areas[i], {}) for i in reachable}
    if reachable and all("level" in known for known in facts.values()):
        best, why = max(reachable, key=lambda i: facts[i]["level"]), "the highest level that the input reaches"
    else:
        fan = np.bincount(wiring.target, minlength=len(wiring.areas))
        best = max(reachable or alive, key=lambda i: (depth[i], fan[i], -i))
        why = "the area furthest from the input"
    report.guess("readout.area", wiring.areas[best], why, "--readout")
    report.edits.append(f"say where the decision is read: `readout.area` (now {wiring.areas[best]})")
    return best


def _ways(wiring: Wiring, start: int, lengths: np.ndarray) -> np.ndarray:
    """Return how long the shortest way from an area to each one is, infinite where there is none: float64 [areas].

    ``lengths``: float64 [projections].
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    size = len(wiring.areas)
    ends = wiring.source.astype(np.int32), wiring.target.astype(np.int32)  # SciPy 1.13 finds no paths in 64 bits
    return dijkstra(coo_array((lengths, ends), shape=(size, size)).tocsr(), indices=[start])[0]


def _projection(wiring: Wiring, k: int) -> Projection:
    source, target = wiring.areas[wiring.source[k]], wiring.areas[wiring.target[k]]
    data: dict[str, Any] = {"from": source, "to": target, "source": "data"}
    for field, column in wiring.values.items():
        value = column[k]
        if field in WORDS:
            data |= {field: str(value)} if value else {}
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
