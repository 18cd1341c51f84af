"""Corrupting, training on corruptions and testing on them, from the command line."""

import csv
import io
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from cortexc.main import main
from cortexc.runtime import evaluation
from cortexc.runtime.corruptions.catalogue import BENCHMARK, CORRUPTIONS, EXTRA

pytestmark = pytest.mark.trains
SMALL = """cortexc: 1
name: small
input: {grid: [4, 4], patch: 8, width: 16}
areas: {V1: {grid: [4, 4]}, V2: {grid: [2, 2]}}
projections: [{from: LGN, to: V1}, {from: V1, to: V2}]
readout: {area: V2, classes: 10}
"""


def trained(folder: Path, *more: str, seed: int = 0) -> Path:
    spec = folder / "small.yaml"
    spec.write_text(SMALL)
    run = folder / f"run{seed}"
    words = [
        "train",
        str(spec),
        "--data",
        "digits",
        "--epochs",
        "4",
        "--batch-size",
        "16",
        "--lr",
        "0.005",
        "--device",
        "cpu",
    ]
    assert main([*words, "--seed", str(seed), "--out", str(run), *more]) == 0
    return run


@pytest.fixture(scope="module", autouse=True)
def all_at_once() -> Iterator[None]:
    """Send all digits through a model at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(evaluation.BATCH, "cpu", 360)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("runs"))


def said(words: list[str], capsys: pytest.CaptureFixture[str], status: int = 0) -> str:
    capsys.readouterr()
    assert main(words) == status
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out if status == 0 else captured.err


def test_table_json_csv_and_predictions_agree(run: Path, digits_c: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(run), "--corrupted", str(digits_c), "--device", "cpu"]
    text = said(words, capsys)
    found = json.loads(said([*words, "--format", "json"], capsys))
    rows = list(csv.DictReader(io.StringIO(said([*words, "--format", "csv"], capsys))))
    assert json.loads((run / "evaluation.json").read_text())["robustness"] == found["robustness"]
    assert "digits-C (regenerated, seed 2, drawn frost), accuracy [%]" in text
    assert found["set"]["seed"] == 2

    with h5py.File(run / "predictions.h5") as file:  # by hand
        correct = file["predicted"][:] == file["labels"][:]
        names, severity = file["corruption"].asstr()[:], file["severity"][:]
    right = {(n, int(s)): float(row.mean()) for n, s, row in zip(names, severity, correct, strict=True)}
    assert len(right) == 1 + 19 * 5
    robustness = found["robustness"]
    for row in rows:
        assert float(row["accuracy"]) == pytest.approx(right[row["corruption"], int(row["severity"])], abs=1e-6)
    error = 1 - np.mean([right[name, s] for name in BENCHMARK for s in range(1, 6)])
    assert robustness["mean_error"] == pytest.approx(error)
    assert f"mean error, 15 x 5, not normalised      {100 * error:.2f} %" in text
    assert robustness["clean"] == right["clean", 0] == found["accuracy"] > 0.3
    for name in CORRUPTIONS:
        mean = np.mean([right[name, s] for s in range(1, 6)])
        line = next(line for line in text.splitlines() if f" {name} " in line or line.startswith(f"{name} "))
        assert line.split()[-1] == f"{100 * mean:.1f}"
    assert {row["benchmark"] for row in rows if row["corruption"] in EXTRA} == {"false"}


def test_predictions_are_not_made_twice(run: Path, digits_c: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(run), "--corrupted", str(digits_c), "--corruptions", "fog", "--device", "cpu"]
    first = said(words, capsys)
    written = (run / "predictions.h5").stat().st_mtime_ns
    assert said(words, capsys) == first
    assert (run / "predictions.h5").stat().st_mtime_ns == written


def test_on_the_fly_is_the_same_as_from_disk(run: Path, digits_c: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--corruptions", "frost,gaussian_noise", "--severities", "2,5", "--format", "csv", "--device", "cpu"]
    stored = said(["evaluate", str(run), "--corrupted", str(digits_c), *chosen], capsys)
    (run / "predictions.h5").unlink()
    made = said(["evaluate", str(run), "--regenerate", "--corruption-seed", "2", *chosen], capsys)
    assert made == stored
    assert len(made.splitlines()) == 2 + 4
    other = said(["evaluate", str(run), "--regenerate", "--corruption-seed", "3", *chosen], capsys)
    assert other != stored


def test_without_a_set_the_clean_images_are_tested(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(run), "--device", "cpu"]) == 0
    captured = capsys.readouterr()
    assert "clean images only" in captured.err
    assert "severity" not in captured.out
    assert json.loads((run / "evaluation.json").read_text())["robustness"] is None


@pytest.mark.slow
def test_difficulty_comes_from_other_runs(
    run: Path, digits_c: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [trained(tmp_path, seed=seed) for seed in (1, 2)]
    for other in (run, *others):
        said(["evaluate", str(other), "--corrupted", str(digits_c), "--corruptions", "benchmark"], capsys)
    words = ["evaluate", str(run), "--corrupted", str(digits_c), "--corruptions", "benchmark", "--format", "json"]
    references = [word for other in others for word in ("--reference", str(other))]
    found = json.loads(said([*words, *references], capsys))["robustness"]["difficulty"]
    assert found["references"] == [str(other) for other in others]
    assert found["quintiles"][0] > found["quintiles"][-1] >= found["hardest_tenth"] >= 0
    text = said([*words[:-2], *references], capsys)
    assert "fifths by difficulty for 2 reference runs" in text
    assert "cannot be its own reference" in said([*words, "--reference", str(run)], capsys, status=2)
    assert "holds no run" in said([*words, "--reference", str(tmp_path)], capsys, status=2)


def test_people_tell_what_is_hard(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File(run / "predictions.h5") as file:
        labels = file["labels"][:]
    votes = np.zeros((360, 10))
    votes[np.arange(360), labels] = 50
    votes[:100, 0] += 10
    np.save(tmp_path / "votes.npy", votes)
    text = said(["evaluate", str(run), "--clean", "--cifar10h", str(tmp_path / "votes.npy")], capsys)
    assert "most uncertain tenth (36)" in text
    np.save(tmp_path / "votes.npy", votes[::-1])
    message = said(["evaluate", str(run), "--cifar10h", str(tmp_path / "votes.npy")], capsys, status=2)
    assert "in another order" in message


def test_training_on_corruptions_is_marked(digits_c: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path, "--epochs", "1", "--train-corruptions", "fog,contrast")
    assert json.loads((run / "manifest.json").read_text())["recipe"]["corruptions"] == ["fog", "contrast"]
    text = said(["evaluate", str(run), "--corrupted", str(digits_c), "--device", "cpu"], capsys)
    starred = [line.split("*")[0].split()[-1] for line in text.splitlines() if " * " in line]
    assert starred == ["fog", "contrast"]
    assert "* seen in training" in text
    assert "of corruptions not seen in training" in text


def test_training_on_corrupted_test_images_leaves_them_out_of_the_test(
    digits_c: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = ["--train-corrupted", str(digits_c), "--test-images", "0-99", "--train-corruptions", "extra"]
    run = trained(tmp_path, "--epochs", "1", *split)
    found = json.loads(said(["evaluate", str(run), "--corrupted", str(digits_c), "--format", "json"], capsys))
    assert (found["images"], found["robustness"]["images"]) == (260, 260)
    assert found["robustness"]["seen"] == list(EXTRA)
    with h5py.File(run / "predictions.h5") as file:
        assert file["indices"][:].tolist() == list(range(100, 360))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--clean", "--regenerate"], "--clean and --regenerate contradict"),
        (["--clean", "--severities", "5"], "--clean and --severities contradict"),
        (["--corruption-seed", "3"], "--corruption-seed is for --regenerate"),
        (["--regenerate", "--corruptions", "forst"], "there is no corruption `forst`"),
        (["--regenerate", "--severities", "0-5"], "names no severities"),
        (["--corruptions", "fog"], "there is no folder digits-C beside the data; `--regenerate`"),
        (["--corrupted", "NOWHERE"], "NOWHERE: there is no such folder"),
        (["--data", "cifar10"], "was trained on digits, and --data says cifar10"),
        (["--regenerate", "--frost-photos", "NOWHERE"], "frost1.png: there is no such file"),
        (["--reference", "NOWHERE"], "NOWHERE holds no run"),
        (["--cifar10h", "NOWHERE.npy"], "NOWHERE.npy: there is no such file"),
        (["--regenerate", "--mce"], "relative to an AlexNet on CIFAR-10-C"),
    ],
)
def test_what_cannot_be_evaluated_says_why(
    run: Path, words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in said(["evaluate", str(run), *words], capsys, status=2)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--train-corruptions", "forst"], "there is no corruption `forst`"),
        (["--test-images", "0-9"], "no corruption is named"),
        (["--test-images", "0-9", "--train-corruptions", "fog"], "both a folder of them and a range"),
        (["--train-corrupted", "SET"], "both a folder of them and a range"),
        (["--train-corrupted", "SET", "--test-images", "0-359"], "are no split of 360"),
        (["--train-corrupted", "SET", "--test-images", "7"], "--test-images is `7`"),
        (["--train-corrupted", "NOWHERE", "--test-images", "0-9"], "NOWHERE: there is no such folder"),
    ],
)
def test_what_cannot_be_trained_on_says_why(
    tmp_path: Path, digits_c: Path, words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    words = [str(digits_c) if word == "SET" else word for word in words]
    start = ["train", str(tmp_path / "small.yaml"), "--data", "digits", "--out", str(tmp_path / "run")]
    assert expected in said([*start, *words], capsys, status=2)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cifar10"], "cifar10 needs --data-dir DIR"),
        (["cifar10", "--data-dir", "NOWHERE"], "cortexc data fetch cifar10"),
        (["imagenet"], "there is no data set `imagenet`"),
        (["digits", "--seed", "-1"], "seed is -1"),
        (["digits", "--workers", "0"], "0 workers cannot work"),
        (["digits", "--corruptions", ""], "there is no corruption ``"),
    ],
)
def test_what_cannot_be_corrupted_says_why(
    tmp_path: Path, words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in said(["data", "corrupt", *words, "-o", str(tmp_path / "set")], capsys, status=2)
    assert not (tmp_path / "set").exists()


def test_a_disk_that_fills_up_leaves_no_half_file(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "cortexc", "data", "corrupt", "digits", "-o", str(tmp_path / "set")]
    done = subprocess.run(
        [*words, "--corruptions", "contrast"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)),
    )
    assert done.returncode == 2
    assert "contrast.npy: cannot be written: File too large" in done.stderr
    assert sorted(p.name for p in (tmp_path / "set").glob("[!.]*")) == ["labels.npy", "manifest.json"]
