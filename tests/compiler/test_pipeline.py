"""The compiler: what each pass establishes, the listing, the artifact."""

import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cortexc import compiler, connectome
from cortexc.anatomy import nulls
from cortexc.compiler import artifact, printer
from cortexc.compiler.artifact import ArtifactError, Attend, Emit, Mix, Program
from cortexc.compiler.ir import Graph
from cortexc.connectome import Connectome
from tests.random_connectomes import random_connectome

SEEDS = range(16)


@pytest.fixture(scope="module", params=["vit-tiny", "macaque-ventral"])
def program(request: pytest.FixtureRequest) -> Program:
    return compiler.compile(request.param)


def graphs(spec: Connectome, seed: int = 0) -> dict[str, Graph]:
    found: dict[str, Graph] = {}
    compiler.run(spec, seed=seed, observe=found.__setitem__)
    return found


def tiny(**changes: object) -> Connectome:
    return Connectome.model_validate(
        {
            "cortexc": 1, "name": "tiny",
            "input": {"grid": [4, 4], "patch": 2, "width": 8},
            "areas": {"V1": {"grid": [4, 4]}, "V2": {"grid": [2, 2]}},
            "projections": [{"from": "LGN", "to": "V1"}, {"from": "V1", "to": "V2"}],
            "attention": {"heads": 2, "key_width": 3},
            "readout": {"area": "V2", "classes": 4},
            **changes,
        }
    )  # fmt: skip


def test_the_passes_come_in_their_order() -> None:
    assert list(graphs(tiny())) == ["resolve", "connect", "prune", "unroll", "plan", "choose"]


# resolve


def test_a_projection_splits_into_its_laminar_parts() -> None:
    graph = graphs(connectome.load("macaque-ventral"))["resolve"]
    parts = {(p.source, p.target): p.weight for p in graph.pathways if p.join == "V4->TEO"}
    assert parts == pytest.approx({
        ("V4.L23E", "TEO.L4E"): 0.256 * 0.664,
        ("V4.L5E", "TEO.L4E"): 0.256 * (1 - 0.664),
    })  # fmt: skip


def test_feedback_avoids_layer_four() -> None:
    graph = graphs(connectome.load("macaque-ventral"))["resolve"]
    landing = {p.target.split(".")[1] for p in graph.pathways if p.join in {"V2->V1", "TEpd->V4", "TEO->V2"}}
    assert landing == {"L23E", "L5E"}


def test_coupling_shares_sum_to_one_by_kind() -> None:
    graph = graphs(connectome.load("macaque-ventral"))["resolve"]
    totals: dict[tuple[str, str], float] = {}
    for c in graph.couplings:
        key = c.target, graph.populations[c.source].kind
        totals[key] = totals.get(key, 0.0) + c.share
    assert list(totals.values()) == pytest.approx([1.0] * len(totals))


def test_weak_couplings_get_no_block() -> None:
    graph = graphs(connectome.load("macaque-ventral"))["resolve"]
    couplings = {(c.source, c.target) for c in graph.couplings}
    assert ("V1.L4E", "V1.L23E") in couplings  # 0.0437
    assert ("V1.L23E", "V1.L4E") not in couplings  # 0.0077
    assert ("V1.L5I", "V1.L23E") not in couplings  # 0


# connect


def test_rows_of_every_connection_sum_to_one() -> None:
    for seed in SEEDS:
        for c in graphs(random_connectome(seed))["connect"].connections.values():
            sums = np.add.reduceat(np.append(c.weight, 0), c.indptr[:-1])[np.diff(c.indptr) > 0]
            np.testing.assert_allclose(sums, 1)
            assert (c.weight > 0).all()


@pytest.mark.parametrize(
    ("kernel", "per_target"),
    [({"type": "all"}, 16), ({"type": "one_to_one"}, 1), ({"type": "disc", "radius": 1}, None),
     ({"type": "retinotopic", "radius": 0.5}, 1)],
)  # fmt: skip
def test_kernels_reach_what_they_say(kernel: dict[str, object], per_target: int | None) -> None:
    spec = tiny(projections=[{"from": "LGN", "to": "V1", "topography": kernel}, {"from": "V1", "to": "V2"}])
    c = graphs(spec)["connect"].connections["LGN->V1"]
    counts = np.diff(c.indptr)
    assert counts[5] == (per_target or 5)  # a column in the middle has four neighbours at distance 1
    assert counts[0] == (per_target or 3)  # a corner has two


def test_corresponding_places_of_unequal_grids_are_joined_both_ways() -> None:
    near = {"type": "retinotopic", "radius": 0.5}
    spec = tiny(
        projections=[{"from": "LGN", "to": "V1"}, {"from": "V1", "to": "V2", "topography": near},
                     {"from": "V2", "to": "V1", "topography": near}], dynamics={"sweeps": 2},
    )  # fmt: skip
    found = graphs(spec)["connect"].connections
    assert np.diff(found["V1->V2"].indptr).tolist() == [4] * 4
    assert np.diff(found["V2->V1"].indptr).tolist() == [1] * 16
    assert found["V1->V2"].indices[:4].tolist() == [0, 1, 4, 5]


def test_random_kernels_follow_the_seed() -> None:
    spec = tiny(lateral={"V1": {"kernel": {"type": "patchy", "length": 1, "spacing": 3}}}, dynamics={"sweeps": 2})
    one, same, other = (graphs(spec, seed)["connect"].connections["V1~V1"].weight for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_too_many_connections_are_refused_before_memory_is_taken() -> None:
    spec = tiny(
        input={"grid": [4000, 4000], "patch": 1, "width": 8}, areas={"V1": {"grid": [4000, 4000]}},
        projections=[{"from": "LGN", "to": "V1", "topography": {"type": "all"}}], readout={"area": "V1", "classes": 2},
    )  # fmt: skip
    with pytest.raises(connectome.SpecError, match="C501"):
        compiler.compile(spec)


@pytest.mark.parametrize("rows", ["target", "source"])
@pytest.mark.parametrize("form", ["dense", "csr"])
def test_an_explicit_matrix_is_read_as_it_says(tmp_path: Path, rows: str, form: str) -> None:
    matrix = np.zeros((4, 16))
    matrix[0, 3], matrix[1, 0], matrix[3, 15], matrix[3, 14] = 1, 2, 1, 3
    written = matrix if rows == "target" else matrix.T
    with h5py.File(tmp_path / "m.h5", "w") as file:
        if form == "dense":
            file["w"] = written
        else:
            import scipy.sparse as sp

            csr = sp.csr_array(written)
            for part in ("data", "indices", "indptr"):
                file[f"w/{part}"] = getattr(csr, part)
            file["w/shape"] = csr.shape
    kernel = {"type": "matrix", "file": str(tmp_path / "m.h5"), "dataset": "w", "rows": rows}
    spec = tiny(projections=[{"from": "LGN", "to": "V1"}, {"from": "V1", "to": "V2", "topography": kernel}])
    c = graphs(spec)["connect"].connections["V1->V2"]
    assert c.indptr.tolist() == [0, 1, 2, 2, 4]
    assert c.indices.tolist() == [3, 0, 14, 15]
    assert c.weight.tolist() == [1, 1, 0.75, 0.25]


# prune


def test_what_cannot_matter_is_pruned() -> None:
    spec = tiny(
        areas={"V1": {"grid": [4, 4]}} | {n: {"grid": [2, 2]} for n in ("V2", "dead end", "island")},
        projections=[{"from": "LGN", "to": "V1"}, {"from": "V1", "to": "V2"}, {"from": "V1", "to": "dead end"},
                     {"from": "island", "to": "V2"}],
    )  # fmt: skip
    assert set(graphs(spec)["prune"].populations) == {"LGN", "V1.E", "V2.E"}


def test_weak_pathways_are_pruned() -> None:
    projections = [
        {"from": "LGN", "to": "V1"},
        {"from": "V1", "to": "V2", "fln": 0.5},
        {"from": "LGN", "to": "V2", "weight": 0.001},
    ]  # fmt: skip
    spec = tiny(projections=projections, attention={"heads": 2, "minimum_weight": 0.01})
    assert {p.join for p in graphs(spec)["prune"].pathways} == {"LGN->V1", "V1->V2"}


# unroll


def test_a_sweep_reads_lower_areas_as_of_now_and_higher_ones_as_of_last() -> None:
    projections = [{"from": "LGN", "to": "V1"}, {"from": "V1", "to": "V2"}, {"from": "V2", "to": "V1"}]
    ops = graphs(tiny(projections=projections, dynamics={"sweeps": 2}))["choose"].ops
    read = {op.name: [s.value for s in op.sources] for op in ops if isinstance(op, Attend)}
    assert read == {
        "attend V1.E@1": ["LGN@0/sent"],
        "attend V2.E@1": ["V1.E@1.mixed/sent"],
        "attend V1.E@2": ["LGN@0/sent", "V2.E@1.mixed/sent"],
        "attend V2.E@2": ["V1.E@2.mixed/sent"],
    }


def test_synchronous_steps_read_the_step_before_or_earlier() -> None:
    projections = [{"from": "LGN", "to": "V1"}, {"from": "V1", "to": "V2", "delay": 2}]
    spec = tiny(projections=projections, dynamics={"sweeps": 4, "order": "synchronous"})
    ops = graphs(spec)["choose"].ops
    read = {op.name: [s.value for s in op.sources] for op in ops if isinstance(op, Attend)}
    assert read["attend V2.E@4"] == ["V1.E@2.mixed/sent"]
    assert read["attend V2.E@3"] == ["V1.E@1.mixed/sent"]
    assert "attend V2.E@2" not in read
    assert "attend V1.E@3" not in read, "nobody reads it in time"


def test_a_readout_that_nothing_reaches_in_time_is_an_error() -> None:
    spec = tiny(dynamics={"sweeps": 1, "order": "synchronous"})
    with pytest.raises(connectome.SpecError, match="G301"):
        compiler.compile(spec)


def test_keys_are_emitted_only_where_somebody_has_a_choice() -> None:
    near = {"type": "one_to_one"}
    spec = tiny(projections=[{"from": "LGN", "to": "V1", "topography": near}, {"from": "V1", "to": "V2"}])
    graph = graphs(spec)["choose"]
    emits = {op.population: op.keys for op in graph.ops if isinstance(op, Emit)}
    assert emits == {"LGN": False, "V1.E": True}
    kernels = {op.population: op.kernel for op in graph.ops if isinstance(op, Attend)}
    assert kernels["V1.E"] == "copy"
    assert not [p for p in graph.parameters if p.name.startswith(("LGN.key", "V1.E.query"))]


# plan


def test_every_planned_parameter_is_counted_in_one_scale(program: Program) -> None:
    counts = program.parameter_counts
    assert counts["total"] == sum(p.size for p in program.parameters)
    assert counts["total"] == sum(counts[s] for s in ("attention", "column", "embedding", "readout"))


def test_attention_parameters_of_the_dense_transformer() -> None:
    """Query, key, value and output maps of 96 x 96 in six layers, with biases except the key's, which does nothing,
    and the norm before them."""
    assert compiler.compile("vit-tiny").parameter_counts["attention"] == 6 * (4 * 96 * 96 + 3 * 96 + 2 * 96)


def test_the_ventral_stream_has_a_tenth_of_the_attention_parameters() -> None:
    ours, dense = (compiler.compile(n).parameter_counts["attention"] for n in ("macaque-ventral", "vit-tiny"))
    assert ours * 10 <= dense


# ops


def with_shared_circuits(spec: str) -> Connectome:
    found = connectome.load(spec)
    circuits = {n: c.model_copy(update={"shared": True}) for n, c in found.circuits.items()}
    return found.model_copy(update={"circuits": circuits})


def test_areas_of_a_shared_circuit_have_the_same_column_weights() -> None:
    apart, shared = compiler.compile("macaque-dorsal"), compiler.compile(with_shared_circuits("macaque-dorsal"))
    columns = {p.column for p in shared.populations if p.kind != "input"}
    circuits = {area.circuit for area in connectome.load("macaque-dorsal").areas.values()}
    assert {c.split(".")[0] for c in columns} == {"circuits"}
    assert {c.split(".")[1] for c in columns} == circuits
    counts, fewer = apart.parameter_counts, shared.parameter_counts
    assert fewer["column"] < counts["column"] / 2
    assert {s: n for s, n in fewer.items() if s not in ("column", "total")} == {
        s: n for s, n in counts.items() if s not in ("column", "total")
    }
    assert shared.flops_per_image == apart.flops_per_image
    read = {(w.population.rpartition(".")[2], len(w.excitatory), len(w.inhibitory)) for w in shared.wirings}
    assert len(read) == len(columns)  # one shape of weights for each population of a circuit


@pytest.mark.parametrize("seed", range(6))
def test_a_rewired_spec_has_the_same_shared_column_weights(seed: int) -> None:
    spec = with_shared_circuits("macaque-dorsal")
    rewired = compiler.compile(nulls.null(spec, "random", seed=seed))
    assert rewired.parameter_counts["column"] == compiler.compile(spec).parameter_counts["column"]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_op_reads_and_writes_every_value_that_its_fields_name(seed: int) -> None:
    program = compiler.compile(random_connectome(seed), seed=seed)
    values = {value for op in program.ops for value in op.writes}

    for op in program.ops:
        assert {*op.reads, *op.writes} == values.intersection(_words(op)), op.name
        assert set(op.reads).isdisjoint(op.writes)
        assert set(op.populations) <= set(program.by_name)


def _words(data: Any) -> list[Any]:
    """Return what the fields of an op hold, however deep."""
    if dataclasses.is_dataclass(data):
        data = tuple(getattr(data, f.name) for f in dataclasses.fields(data))
    return [word for part in data for word in _words(part)] if isinstance(data, tuple) else [data]


def test_values_know_their_sweep() -> None:
    values = {"LGN@0": 0, "LGN@0/sent": 0, "V1.L23E@2.mixed": 2, "V1.L23E@12.mixed/sent": 12}
    assert {value: artifact.sweep_of(value) for value in values} == values


def test_updates_are_all_ops_but_the_readout(program: Program) -> None:
    assert {op.name for ops in program.updates.values() for op in ops} == {op.name for op in program.ops[:-1]}
    assert next(iter(program.updates)) == (program.populations[0].name, 0)


# artifact and listing


def test_the_repr_of_a_program_fits_on_a_screen(program: Program) -> None:
    text = repr(program)
    assert text.count("\n") < 10
    assert max(map(len, text.splitlines())) <= 120
    said = {program.name, "3x32x32 -> 10 classes", f"{len(program.populations)} populations", f"{len(program.ops)} ops"}
    said |= {program.content_hash()[:19], f"attention {program.parameter_counts['attention']:,}"}
    assert {words for words in said if words not in text} == set()


def test_the_listing_has_what_it_promises(program: Program) -> None:
    listing = json.loads(printer.as_json(program))
    assert set(listing["parameters"]) == {"attention", "column", "embedding", "readout", "total"}
    assert listing["flops_per_image"] == sum(op["flops"] for op in listing["ops"]) > 0
    for op in listing["ops"]:
        assert {"name", "tokens", "nonzeros", "density", "kernel", "parameters", "flops"} <= set(op)
    assert printer.as_text(program).count("\n") == len(program.ops) + 5


def test_flops_count_existing_connections_only() -> None:
    everywhere = {"type": "all"}
    projections = [{"from": "LGN", "to": "V1"}, {"from": "V1", "to": "V2", "topography": everywhere}]
    program = compiler.compile(tiny(projections=projections))
    cost = next(c for c in program.costs if c.op == "attend V2.E@1")
    assert (cost.tokens, cost.nonzeros, cost.density) == (4, 64, 1.0)
    assert cost.flops == 2 * 64 * (2 * 3 + 8)  # keys and values of each pair; the query is a bias alone


def test_the_same_spec_and_seed_give_the_same_bytes(program: Program) -> None:
    again = compiler.compile(program.name)
    assert artifact.as_bytes(again) == artifact.as_bytes(program)


def test_bytes_do_not_depend_on_the_process_or_the_folder(tmp_path: Path) -> None:
    code = "import cortexc, sys; cortexc.compile('macaque-ventral', seed=3).save(sys.argv[1])"
    for i, folder in enumerate((tmp_path, tmp_path / "deeper")):
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-c", code, str(tmp_path / f"{i}.h5")]
        subprocess.run(command, check=True, cwd=folder, env=os.environ | {"PYTHONHASHSEED": str(i)})
    assert (tmp_path / "0.h5").read_bytes() == (tmp_path / "1.h5").read_bytes()


def test_an_artifact_comes_back_whole(program: Program, tmp_path: Path) -> None:
    program.save(tmp_path / "x.h5")
    loaded = compiler.load(tmp_path / "x.h5")
    assert loaded.content_hash() == program.content_hash()
    assert artifact.as_bytes(loaded) == artifact.as_bytes(program)
    assert loaded.ops == program.ops
    assert loaded.populations == program.populations


def test_a_field_that_came_later_is_written_only_where_it_says_something(tmp_path: Path) -> None:
    """So artifacts of before can be read, and keep their content hash."""
    program = compiler.compile(random_connectome(0))
    settings = dataclasses.replace(program.input, gain_mean="channel")
    other = dataclasses.replace(program, input=settings)
    assert other.content_hash() != program.content_hash()
    for name, one in (("plain", program), ("other", other)):
        one.save(tmp_path / f"{name}.h5")
        assert compiler.load(tmp_path / f"{name}.h5").input == one.input
        with h5py.File(tmp_path / f"{name}.h5") as file:
            assert ("gain_mean" in json.loads(file["listing"][()])["input"]) == (name == "other")


def test_the_spec_inside_an_artifact_compiles_to_the_same_program(tmp_path: Path) -> None:
    program = compiler.compile("macaque-ventral")
    (tmp_path / "spec.yaml").write_text(program.spec)
    assert compiler.compile(tmp_path / "spec.yaml").content_hash() == program.content_hash()


def test_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    compiler.compile(tiny()).save(path)
    with h5py.File(path, "r+") as file:
        entry = next(iter(file["connections"].values()))
        entry["weight"][0] = 0.5
    with pytest.raises(ArtifactError, match="damaged"):
        compiler.load(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ArtifactError, match="not a readable artifact"):
        compiler.load(path)
    with pytest.raises(ArtifactError, match="no such file"):
        compiler.load(tmp_path / "y.h5")
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(ArtifactError, match="not a compiled connectome"):
        compiler.load(path)


def test_compiling_needs_no_torch() -> None:
    code = "import cortexc, sys; cortexc.compile('macaque-ventral'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_door_to_the_runtime_is_light() -> None:
    code = "import cortexc.compiler.artifact, sys; print(sorted(m for m in sys.modules if m.startswith('cortexc')))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    of_files = ["cortexc.digests", "cortexc.hdf5", "cortexc.replacement"]
    assert found.strip() == str(["cortexc", "cortexc.compiler", "cortexc.compiler.artifact", *of_files])


@pytest.mark.parametrize("seed", SEEDS)
def test_random_connectomes_compile_and_their_shapes_fit(seed: int) -> None:
    program = compiler.compile(random_connectome(seed), seed=seed)
    for op in program.ops:
        if isinstance(op, Mix):
            assert all(t.excitatory or t.state for t in op.targets)
    for parameter in program.parameters:
        assert parameter.size == math.prod(parameter.shape) > 0
        assert sum(width for width, _ in parameter.init.blocks) == parameter.shape[-1]


def test_a_seed_is_not_negative() -> None:
    with pytest.raises(ValueError, match="whole number from 0"):
        compiler.compile("vit-tiny", seed=-1)
