"""The documents: their examples run, and what they list is what there is."""

import dataclasses
import importlib
import importlib.util
import json
import re
import shlex
import subprocess
import typing
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

import cortexc
from cortexc import compiler, connectome, experiments, specs
from cortexc.compiler.checker import RULES
from cortexc.connectome import model as language
from cortexc.connectome.diagnostics.importing import RULES as IMPORTED
from cortexc.experiments.rules import RULES as EXPERIMENTAL
from cortexc.main import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "specs/README.md",
        ROOT / "results/README.md",
    )
}
README, LANGUAGE = PAGES["README.md"], PAGES["docs/language.md"]
RUN = {"README.md": 1, "docs/quickstart.md": 6, "docs/anatomy.md": 2, "docs/robustness.md": 0}
"""Pages whose console blocks are run, and how many commands there are at least that need no training."""
NEEDS_TRAINING = (
    "cortexc export runs",
    "cortexc experiment",
    "cortexc train",
    "cortexc evaluate",
    "cortexc demo",
    "cortexc data",
)


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def specs_of(text: str) -> list[str]:
    return [block for block in blocks(text, "yaml") if block.startswith("cortexc: 1")]


def commands_of(text: str) -> list[tuple[str, str]]:
    """Return (command, output as printed in the document) in order."""
    found: list[tuple[str, str]] = []
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def matches(shown: str, printed: str) -> bool:
    """Compare as doctest's ELLIPSIS does: ``...`` stands for anything, on a line or over lines."""
    parts = [re.escape(part) for part in shown.strip().split("...")]
    return re.fullmatch(".*".join(parts), printed.strip(), flags=re.DOTALL) is not None


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the specs of the README and of the quickstart in it, as a reader would have saved them."""
    monkeypatch.chdir(tmp_path)
    for text in (*specs_of(README), *specs_of(PAGES["docs/quickstart.md"])):
        (tmp_path / f"{yaml.safe_load(text)['name']}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_specs_of_the_pages_check_clean_and_compile(desk: Path) -> None:
    paths = sorted(desk.glob("*.yaml"))
    assert [path.stem for path in paths] == ["eight-lines", "two-areas"]
    for path in paths:
        assert list(connectome.check(path)) == []
        assert compiler.compile(path, seed=0).parameter_counts["attention"] > 0


def test_every_page_with_console_output_is_run() -> None:
    assert {name for name, text in PAGES.items() if blocks(text, "console")} == set(RUN)


@pytest.mark.parametrize("name", RUN)
def test_commands_print_what_the_page_shows(name: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = 0
    for command, shown in commands_of(PAGES[name]):
        if command.startswith(NEEDS_TRAINING):
            continue
        if command.startswith("cortexc "):
            main(shlex.split(command)[1:])
            printed = capsys.readouterr().out
            assert matches(shown, printed), f"$ {command}\n{printed}"
            ran += 1
        else:
            assert command.startswith(("sed ", "printf ")), f"a command that the tests do not know: {command}"
            subprocess.run(command, shell=True, check=True, cwd=desk)
    assert ran >= RUN[name]


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "docs/quickstart.md", "docs/cifar10.md", "docs/robustness.md", "docs/anatomy.md"),
        *("docs/experiments.md", "results/README.md"),
    ],
)
def test_commands_that_train_are_understood(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = PAGES[name]
    shell = [line.split("  #")[0] for block in blocks(page, "sh") for line in block.splitlines()]
    lines = [line for line in (*shell, *(c for c, _ in commands_of(page))) if line.startswith(NEEDS_TRAINING)]
    assert lines
    for line in lines:
        words = shlex.split(line)[1:]
        with pytest.raises(SystemExit) as stop:
            main([*words, "--help"])
        assert stop.value.code == 0, line
        shown = capsys.readouterr().out
        for option in (w for w in words if w.startswith("--")):
            assert option in shown, f"{line}: {option}"


def test_python_runs(desk: Path) -> None:
    (code,) = blocks(README, "python")
    exec(compile(code, "README.md", "exec"), {})
    first, *others = blocks(PAGES["docs/python.md"], "python")
    exec(compile(first, "docs/python.md", "exec"), {})
    assert (desk / "two-areas.h5").is_file()
    assert others
    for block in others:
        imports = "\n".join(line for line in block.splitlines() if line.startswith(("from ", "import ", "recipe =")))
        exec(compile(imports, "docs/python.md", "exec"), {})
        compile(block, "docs/python.md", "exec")


def test_the_page_on_python_names_all_that_cortexc_offers() -> None:
    page = PAGES["docs/python.md"]
    rooms = {"connectome", "compiler", "runtime"}
    assert [n for n in cortexc.__all__ if n not in rooms and not re.search(rf"[`.]{n}\b", page)] == []


def test_readme_is_read_in_a_minute() -> None:
    assert len(README.split()) < 1000
    assert "make demo " in README
    assert "make test " in README
    (spec,) = specs_of(README)
    assert len(spec.splitlines()) == 8
    assert len(commands_of(README)) == 3
    linked = set(re.findall(r"\]\(([\w/.-]+\.md)\)", README))
    assert linked == set(PAGES) - {"README.md"}


def test_readme_has_the_numbers_of_the_published_results() -> None:
    for report, names in {"reduced": ("dense", "all-three", "random"), "plain": ("dense-plain",)}.items():
        written = json.loads((ROOT / "results" / f"multiscale-{report}" / "results.json").read_text(encoding="utf-8"))
        for arm in (arm for arm in written["arms"] if arm["name"] in names):
            codes = ("clean", "mean", "mean14", "D1", "severity5-14")
            measured = [100 * arm["measures"][code]["value"] for code in codes]
            sizes = [f"{arm['parameters'][of]:,}" for of in ("attention", "total")]
            row = [*sizes, f"{arm['flops'] / 1e6:.1f}", *(f"{value:.1f}" for value in measured)]
            assert f"| {' | '.join(row)} |" in README, arm["name"]


def anchors(text: str) -> set[str]:
    """Return what links to the headings of a page end with."""
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)[^)]*\)", PAGES[name]):
        if target.startswith("http"):
            continue
        assert (page.parent / target).exists(), f"{name}: {target}"
        if anchor:
            linked = page.parent / target if target else page
            assert anchor in anchors(linked.read_text(encoding="utf-8")), f"{name}: {target}#{anchor}"


def test_architecture_names_files_and_functions_that_exist() -> None:
    text = PAGES["ARCHITECTURE.md"]
    rooms = ("connectome", "compiler", "runtime", "cortexc", "benchmarks", "tests")
    sources = {p.relative_to(ROOT).as_posix(): p for room in rooms for p in (ROOT / room).rglob("*.py")}
    named = re.findall(r"`([\w/]+\.py)(?:: ([\w.]+))?`", text)
    assert len(named) > 15
    for path, function in named:
        found = [p for known, p in sources.items() if known == path or known.endswith(f"/{path}")]
        assert found, path
        last = function.split(".")[-1]
        assert any(last in p.read_text(encoding="utf-8") for p in found), f"{path}: {function}"


def models() -> list[type[BaseModel]]:
    """Return every model of the language that a spec can hold."""
    found: dict[type[BaseModel], None] = {}

    def walk(annotation: typing.Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if annotation not in found:
                found[annotation] = None
                for info in annotation.model_fields.values():
                    walk(info.annotation)
        for argument in typing.get_args(annotation):
            walk(argument)

    walk(language.Connectome)
    return list(found)


def rows_of(name: str) -> dict[str, list[str]]:
    """Return key -> cells of the table in the section about a model."""
    section = re.search(rf"^#+ {name}:.*?(?=^#|\Z)", LANGUAGE, flags=re.MULTILINE | re.DOTALL)
    assert section, f"docs/language.md has no section `{name}: ...`"
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in section[0].splitlines() if line[:3] == "| `"]
    return {row[0].strip("`"): row for row in rows}


def default_of(info: typing.Any) -> str:
    if info.is_required():
        return "required"
    value = info.default
    match value:
        case None:
            return "none"
        case () | {}:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            return f"`{value}`"
        case BaseModel():
            kernel = typing.get_args(typing.get_args(language.Kernel)[0])
            return f"`{{type: {value.type}}}`" if type(value) in kernel else "its defaults"  # type: ignore[attr-defined]
        case _:
            return str(value)


@pytest.mark.parametrize("model", models(), ids=lambda m: m.__name__)
def test_language_page_has_every_key_with_its_default(model: type[BaseModel]) -> None:
    written = rows_of(model.__name__)
    fields = {info.alias or name: info for name, info in model.model_fields.items() if name != "locations"}
    assert list(written) == list(fields)
    for key, info in fields.items():
        assert len(written[key]) == 5, key
        assert written[key][2] == default_of(info), key


def test_rules_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("make_rules", ROOT / "docs" / "make_rules.py")
    assert spec is not None
    assert spec.loader is not None
    make_rules = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_rules)
    written = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert written == make_rules.page(), "run: python docs/make_rules.py > docs/rules.md"
    for rule in RULES:
        assert f"| {rule.name} | {rule.severity.value} |" in written


def test_changelog_names_every_rule() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for rule in (*RULES, *IMPORTED, *EXPERIMENTAL):
        assert f"{rule.code} {rule.name}" in " ".join(text.split())


def test_schema_is_up_to_date() -> None:
    written = json.loads((ROOT / "docs" / "cortexc.schema.json").read_text(encoding="utf-8"))
    assert written == connectome.json_schema(), "run: cortexc schema > docs/cortexc.schema.json"


def test_schema_of_experiments_is_up_to_date_and_takes_the_shipped_ones() -> None:
    schema = experiments.json_schema()
    written = json.loads((ROOT / "docs" / "experiment.schema.json").read_text(encoding="utf-8"))
    assert written == schema, "run: cortexc schema --experiment > docs/experiment.schema.json"
    validator = jsonschema.Draft202012Validator(schema)
    for name in specs.experiments():
        validator.validate(
            yaml.safe_load((ROOT / "specs" / "experiments" / f"{name}.yaml").read_text(encoding="utf-8"))
        )
    assert list(validator.iter_errors({"cortexc_experiment": 1, "name": "a", "baseline": "b", "arms": {}, "seed": 1}))


def test_the_experiment_of_the_page_checks_clean(tmp_path: Path) -> None:
    text = blocks((ROOT / "docs" / "experiments.md").read_text(encoding="utf-8"), "yaml")[0]
    (tmp_path / "lateral.yaml").write_text(text, encoding="utf-8")
    assert list(experiments.check(tmp_path / "lateral.yaml")) == []


def test_index_of_specs_names_every_file() -> None:
    text = (ROOT / "specs" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "specs").rglob("*.yaml"):
        assert path.relative_to(ROOT / "specs").as_posix() in text
        for source in yaml.safe_load(path.read_text(encoding="utf-8")).get("sources", {}).values():
            assert source.get("doi", "") in text


def test_anatomy_page_lists_what_there_is() -> None:
    from cortexc.anatomy.importers import FORMATS
    from cortexc.anatomy.nulls import MODELS
    from cortexc.commands import export, import_, null

    page = (ROOT / "docs" / "anatomy.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)
    assert rows == [*FORMATS, *MODELS]
    assert tuple(FORMATS) == import_.NAMES
    assert tuple(MODELS) == null.NAMES
    assert all(name in page for name in (*export.GRAPHS, *export.MODELS))


def test_anatomy_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "anatomy.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    Path("edges.csv").write_text("from,to,FLNe\nV1,V2,0.76\nV2,V1,0.73\n")
    for code in blocks(page, "python"):
        exec(code, {})
    assert (tmp_path / "spec.yaml").is_file()
    assert main(["compile", "macaque-ventral", "-o", "macaque.h5"]) == 0
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)[1:]
            if words[0] in {"export", "plot"} and "runs/first" not in words:
                assert main(words) == 0, line
                continue
            module = importlib.import_module(f"cortexc.commands.{words[0].replace('import', 'import_')}")
            with monkeypatch.context() as patch:
                patch.setattr(module, "run", lambda args: 0)  # the words are parsed, and that is all
                assert main(words) == 0, line


def test_every_picture_is_shown_and_every_spec_has_one() -> None:
    from cortexc import specs

    shown = {name for page in PAGES.values() for name in re.findall(r"\]\(figures/([\w.-]+)\)", page)}
    in_readme = set(re.findall(r"\]\(docs/figures/([\w.-]+)\)", README))
    assert in_readme == {"overview.png"}
    assert shown | in_readme == {p.name for p in (ROOT / "docs" / "figures").iterdir()}
    for name in (*specs.names(), *(Path(c).stem for c in (*specs.circuits(), *specs.kernels()))):
        assert any(picture.startswith(name) for picture in shown), name


def test_robustness_page_lists_what_there_is() -> None:
    from cortexc.runtime.corruptions.catalogue import CORRUPTIONS
    from cortexc.runtime.robustness import Robustness

    page = (ROOT / "docs" / "robustness.md").read_text(encoding="utf-8")
    assert [name for name in CORRUPTIONS if f"`{name}`" not in page] == []
    measures = page.partition("## Measures")[2].partition("## ")[0]
    listed = {
        name
        for row in re.findall(r"^\| (`.*?) \|", measures, flags=re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert listed == {field.name for field in dataclasses.fields(Robustness)} - {"images", "seen"}


def test_page_on_data_of_ones_own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(PAGES["docs/data.md"], "python")
    exec(code, {})
    assert (tmp_path / "runs" / "own" / "evaluation.json").is_file()


def test_robustness_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "robustness.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for code in blocks(page, "python"):
        exec(code, {})
    assert (tmp_path / "linear" / "predictions.h5").is_file()
    assert (tmp_path / "digits-C" / "fog.npy").is_file()
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            assert words[0] == "cortexc"
            command = importlib.import_module(f"cortexc.commands.{words[1]}")
            monkeypatch.setattr(command, "run", lambda args: 0)  # the words are parsed, and that is all
            assert main(words[1:]) == 0, line
