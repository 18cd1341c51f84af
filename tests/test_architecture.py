"""The house: what the shipped things promise, and who may know whom."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from cortexc import compiler, connectome, specs
from cortexc.compiler.checker import RULES

ROOT = Path(__file__).parents[1]
BARE = ("connectome", "compiler", "runtime", "specs")  # at the top of the repository, linked into cortexc/
ROOMS = ("specs", "connectome", "compiler", "runtime", "anatomy", "figures", "experiments")


@pytest.mark.parametrize("name", specs.names())
def test_a_shipped_spec_checks_clean_compiles_and_round_trips(name: str, tmp_path: Path) -> None:
    assert list(connectome.check(name)) == []
    spec = connectome.load(name)
    connectome.dump(spec, tmp_path / "again.yaml")
    again = connectome.load(tmp_path / "again.yaml")
    assert again == spec
    assert compiler.compile(again).content_hash() == compiler.compile(spec).content_hash()


@pytest.mark.parametrize("name", specs.names())
def test_every_number_of_a_shipped_spec_has_a_source(name: str) -> None:
    spec = connectome.load(name)
    if name == "vit-tiny":
        assert all(c.source for c in spec.circuits.values())
        return
    for part in (spec.input, *spec.areas.values(), *spec.lateral.values(), *spec.projections, *spec.circuits.values()):
        assert part.source, part


@pytest.mark.parametrize("name", specs.names())
def test_a_shipped_spec_trains_a_step(name: str) -> None:
    import torch

    from cortexc import runtime

    model = runtime.build(compiler.compile(name))
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    images = torch.rand(4, *model.program.image_shape, generator=torch.Generator().manual_seed(0))
    torch.nn.functional.cross_entropy(model(images), torch.tensor([0, 1, 2, 3])).backward()
    torch.optim.AdamW(model.parameters(), lr=1e-3).step()
    assert all(not torch.equal(p, before[n]) and p.isfinite().all() for n, p in model.named_parameters())


@pytest.mark.parametrize("kernel", specs.kernels())
def test_shipped_kernels_lie_over_the_spec_they_are_made_for(kernel: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(f"extends: [macaque-ventral, {kernel}]\nname: changed\n")
    assert list(compiler.check(path)) == []
    assert connectome.load(path).lateral != connectome.load("macaque-ventral").lateral
    assert compiler.compile(path).content_hash() != compiler.compile("macaque-ventral").content_hash()


@pytest.mark.parametrize("circuit", specs.circuits())
def test_shipped_circuits_fit_into_any_area(circuit: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    areas = ", ".join(f"{name}: {{circuit: other}}" for name in connectome.load("macaque-ventral").areas)
    path.write_text(
        "extends: macaque-ventral\nname: changed\nchecker: null\n"
        f"circuits: {{granular: null, other: {{file: {circuit}}}}}\nareas: {{{areas}}}\n"
    )
    assert [f for f in compiler.check(path) if f.code != "G308"] == []
    assert compiler.compile(path).parameter_counts["attention"] > 0


def test_rule_codes_are_unique_and_in_the_changelog() -> None:
    codes = [r.code for r in RULES]
    assert len(codes) == len(set(codes))
    assert len({r.name for r in RULES}) == len(RULES)
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert [c for c in codes if c not in changelog] == []
    assert all(len(r.page) > 60 for r in RULES)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_offers_and_offers_what_it_says(room: str) -> None:
    module = importlib.import_module(f"cortexc.{room}")
    for name in getattr(module, "__all__", ()):
        assert getattr(module, name) is not None


@pytest.mark.parametrize("room", ROOMS)
def test_importing_a_room_loads_little(room: str) -> None:
    code = f"import cortexc.{room}, sys; print(any(m in sys.modules for m in ('torch', 'scipy', 'h5py', 'pydantic')))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "False"


def imported(path: Path) -> set[str]:
    """Return the first names of what a module imports, relative imports apart, and of what it loads by name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                found |= {alias.name for alias in node.names}
            case ast.ImportFrom(level=0, module=str(module)):
                found.add(module)
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
                found.add(name)
    return {name.split(".")[0] for name in found}


def test_no_module_imports_a_room_by_its_bare_name() -> None:
    paths = [p for folder in ("cortexc", *BARE, "tests", "benchmarks", "docs") for p in (ROOT / folder).rglob("*.py")]
    assert {p.relative_to(ROOT).parts[0] for p in paths} > {"cortexc", "connectome", "compiler", "runtime", "tests"}
    assert {str(path): names for path in paths if (names := imported(path) & {*ROOMS, "commands"})} == {}


def test_no_module_catches_everything_but_where_it_says_why() -> None:
    for path in (p for room in ROOMS for p in (ROOT / "cortexc" / room).rglob("*.py")):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) == "Exception"):
                line = text.splitlines()[node.lineno - 1]
                assert path.name == "main.py" or "#" in line, f"{path}:{node.lineno}"
