"""Every measure, recomputed by loops from the arrays; and the file that the arrays are kept in."""

import itertools
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from cortexc.runtime import predictions as answers
from cortexc.runtime.corruptions.catalogue import Cell
from cortexc.runtime.corruptions.published import ALEXNET_ERROR, HARD_CELLS
from cortexc.runtime.data.dataset import DataError
from cortexc.runtime.predictions import CLEAN, Predictions
from cortexc.runtime.robustness import measure, read_human
from cortexc.runtime.run import RunError

GROUPS = {
    "noise": ["gaussian_noise", "shot_noise", "impulse_noise"],
    "blur": ["defocus_blur", "glass_blur", "motion_blur", "zoom_blur"],
    "weather": ["snow", "frost", "fog", "brightness"],
    "digital": ["contrast", "elastic_transform", "pixelate", "jpeg_compression"],
}
FIFTEEN = list(itertools.chain(*GROUPS.values()))
FOUR = ["speckle_noise", "gaussian_blur", "spatter", "saturate"]
HARD = [
    *(("impulse_noise", 5), ("gaussian_noise", 5), ("gaussian_noise", 4), ("shot_noise", 5), ("gaussian_noise", 3)),
    *(("impulse_noise", 4), ("pixelate", 5), ("glass_blur", 4), ("shot_noise", 4), ("glass_blur", 5)),
    *(("defocus_blur", 5), ("contrast", 5), ("glass_blur", 1), ("shot_noise", 3), ("glass_blur", 2)),
]
IMAGES = 60
DATA = {"data": "sha256:1", "set": {"kind": "official"}}


def invented(seed: int, skill: float, names: list[str] | None = None, images: int = IMAGES) -> Predictions:
    """Predictions of a model that is worse at higher severities, on labels that are the same for all seeds."""
    labels = np.random.default_rng(0).integers(0, 10, images).astype(np.uint8)
    random = np.random.default_rng(seed)
    chosen = FIFTEEN + FOUR if names is None else names
    cells = (CLEAN, *(Cell(name, severity) for name in chosen for severity in range(1, 6)))
    chance = np.array([skill - 0.08 * cell.severity for cell in cells])[:, None]
    right = random.random((len(cells), images)) < chance
    predicted = np.where(right, labels, (labels + random.integers(1, 10, right.shape)) % 10).astype(np.uint8)
    true_probability = np.where(right, 0.5, 0.0) + 0.5 * random.random(right.shape)
    confidence = np.maximum(true_probability, 0.5).astype(np.float16)
    about = {**DATA, "run": "invented", "weights": f"sha256:{seed}"}
    return Predictions(
        cells, np.arange(images), labels, predicted, confidence, true_probability.astype(np.float32), about
    )


@pytest.fixture(scope="module")
def found() -> Predictions:
    return invented(1, 0.9)


def accuracy(found: Predictions, name: str, severity: int) -> float:
    row = found.cells.index(Cell(name, severity))
    return sum(int(p) == int(y) for p, y in zip(found.predicted[row], found.labels, strict=True)) / len(found.labels)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_means_are_those_of_the_cells(found: Predictions) -> None:
    result = measure(found, seen=["fog", "saturate"])
    assert result.clean == accuracy(found, "clean", 0)
    assert list(result.accuracy) == FIFTEEN + FOUR
    for name in FIFTEEN + FOUR:
        assert result.accuracy[name] == {s: pytest.approx(accuracy(found, name, s)) for s in range(1, 6)}
    error = mean([1 - accuracy(found, name, s) for name in FIFTEEN for s in range(1, 6)])
    assert result.mean_error == pytest.approx(error)
    assert result.relative_gap == pytest.approx(error - (1 - accuracy(found, "clean", 0)))
    unseen = mean([1 - accuracy(found, name, s) for name in FIFTEEN if name != "fog" for s in range(1, 6)])
    assert result.unseen_mean_error == pytest.approx(unseen)
    assert result.seen == ("fog", "saturate")
    extra = mean([1 - accuracy(found, name, s) for name in FOUR for s in range(1, 6)])
    assert result.extra_error == pytest.approx(extra)
    for group, names in GROUPS.items():
        assert result.groups[group] == pytest.approx(mean([accuracy(found, n, s) for n in names for s in range(1, 6)]))
    for s in range(1, 6):
        assert result.severity_curve[s] == pytest.approx(mean([accuracy(found, name, s) for name in FIFTEEN]))
    assert result.severity_5 == result.severity_curve[5]
    assert result.hard_cells == pytest.approx(mean([accuracy(found, *cell) for cell in HARD]))
    assert (result.mce, result.difficulty, result.human) == (None, None, ())


def test_hard_cells_are_the_published_ones() -> None:
    assert [tuple(cell) for cell in HARD_CELLS] == HARD


def test_extra_corruptions_count_nowhere_else(found: Predictions) -> None:
    fifteen = found.only(tuple(cell for cell in found.cells if cell.corruption not in FOUR))
    all_of_it, without = measure(found), measure(fifteen)
    for name in ("mean_error", "relative_gap", "groups", "severity_curve", "hard_cells", "survival"):
        assert getattr(all_of_it, name) == getattr(without, name), name
    assert without.extra_error is None


def test_single_images(found: Predictions) -> None:
    result = measure(found)
    for s in range(1, 6):
        parts = []
        for image in range(IMAGES):
            rows = [found.cells.index(Cell(name, s)) for name in FIFTEEN]
            parts.append(mean([float(found.predicted[row, image] == found.labels[image]) for row in rows]))
        fate = result.survival[s]
        assert fate.worst_case == pytest.approx(sum(part == 1 for part in parts) / IMAGES)
        assert fate.survived == pytest.approx(mean(parts))
        below = sum(part < fate.unlucky - 1e-9 for part in parts)
        assert below <= 0.1 * IMAGES <= sum(part <= fate.unlucky + 1e-9 for part in parts)


def test_mce_is_relative_to_alexnet(found: Predictions) -> None:
    assert ALEXNET_ERROR["gaussian_noise"] == pytest.approx([1 - a for a in (0.8062, 0.741, 0.6612, 0.6219, 0.5789)])
    assert ALEXNET_ERROR["contrast"] == pytest.approx([1 - a for a in (0.8491, 0.8126, 0.7762, 0.7109, 0.4454)])
    assert set(ALEXNET_ERROR) == set(FIFTEEN)
    # The means of the same source [%]: a typing error would show here.
    means = {"glass_blur": 30.432, "fog": 23.034, "jpeg_compression": 19.716, "snow": 24.836, "zoom_blur": 16.222}
    for name, percent in means.items():
        assert 100 * mean(list(ALEXNET_ERROR[name])) == pytest.approx(percent)
    total = mean([mean(list(errors)) for errors in ALEXNET_ERROR.values()])
    assert 100 * total == pytest.approx(23.86, abs=0.005)
    ratios = [
        sum(1 - accuracy(found, name, s) for s in range(1, 6)) / sum(ALEXNET_ERROR[name]) for name in FIFTEEN
    ]  # fmt: skip
    assert measure(found, alexnet=True).mce == pytest.approx(mean(ratios))


def test_measures_that_the_cells_do_not_allow_are_left_out() -> None:
    result = measure(invented(1, 0.9, ["fog", "brightness", "frost", "snow"]), alexnet=True)
    assert list(result.groups) == ["weather"]
    assert (result.mean_error, result.relative_gap, result.hard_cells, result.mce, result.extra_error) == (None,) * 5
    assert (result.severity_curve, result.severity_5, result.survival) == ({}, None, {})
    only_clean = measure(invented(1, 0.9, []))
    assert (only_clean.accuracy, only_clean.groups) == ({}, {})


def test_no_corruption_no_gap(found: Predictions) -> None:
    same = np.repeat(found.predicted[:1], len(found.cells), axis=0)
    steady = Predictions(
        found.cells, found.indices, found.labels, same, found.confidence, found.true_probability, found.about
    )
    result = measure(steady)
    assert result.relative_gap == pytest.approx(0)
    assert result.survival[5].worst_case == pytest.approx(result.clean)


# What is hard for others


def test_difficulty_is_what_the_references_make_of_it(found: Predictions) -> None:
    references = [invented(seed, 0.8) for seed in (2, 3)]
    result = measure(found, references=[("a", references[0]), ("b", references[1])]).difficulty
    assert result is not None
    answers_ = []
    for name, severity in itertools.product(FIFTEEN, range(1, 6)):
        row = found.cells.index(Cell(name, severity))
        for image in range(IMAGES):
            difficulty = 1 - mean([float(other.true_probability[row, image]) for other in references])
            answers_.append((difficulty, bool(found.predicted[row, image] == found.labels[image])))
    ordered = [right for _, right in sorted(answers_, key=lambda pair: pair[0])]
    fifth = len(ordered) // 5
    expected = [mean([float(r) for r in ordered[i * fifth : (i + 1) * fifth]]) for i in range(5)]
    assert result.quintiles == pytest.approx(expected)
    assert result.hardest_tenth == pytest.approx(mean([float(r) for r in ordered[-len(ordered) // 10 :]]))
    assert result.references == ("a", "b")


def test_a_reference_may_cover_more_images(found: Predictions) -> None:
    other = invented(2, 0.8)
    part = slice(10, 40)
    some = Predictions(
        found.cells, found.indices[part], found.labels[part], found.predicted[:, part], found.confidence[:, part],
        found.true_probability[:, part], found.about,
    )  # fmt: skip
    other_part = Predictions(
        other.cells, np.arange(30), other.labels[part], other.predicted[:, part], other.confidence[:, part],
        other.true_probability[:, part], other.about,
    )  # fmt: skip
    some_alone = Predictions(
        some.cells, np.arange(30), some.labels, some.predicted, some.confidence, some.true_probability, some.about
    )
    assert measure(some, references=[("b", other)]) == measure(some_alone, references=[("b", other_part)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "sha256:2"}, "reference run b was tested on other images"),
        ({"set": {"kind": "regenerated", "seed": 0}}, "reference run b was tested on other images"),
        ({"weights": "sha256:1"}, "cannot be its own reference"),
    ],
)
def test_references_that_do_not_fit_are_refused(found: Predictions, change: dict[str, object], words: str) -> None:
    other = invented(2, 0.8)
    other.about.update(change)
    with pytest.raises(RunError, match=words):
        measure(found, references=[("b", other)])


def test_references_without_all_cells_or_images_are_refused(found: Predictions) -> None:
    for other in (invented(2, 0.8, ["fog"]), invented(2, 0.8, images=IMAGES - 1)):
        with pytest.raises(RunError, match="was not tested on all 15 corruptions x 5 severities"):
            measure(found, references=[("b", other)])


def test_people_part_the_images(found: Predictions) -> None:
    votes = np.zeros((IMAGES, 10))
    votes[np.arange(IMAGES), found.labels] = 20
    votes[:6, :] += 2  # six images nobody is sure of: a tenth
    votes[6:20, (found.labels[6:20] + 1) % 10] += 1
    bins = {one.name: one for one in measure(found, human=votes).human}
    assert [(one.name, one.images) for one in bins.values()] == [
        ("all people agree", IMAGES - 20),
        ("some disagree", 14),
        ("most uncertain tenth", 6),
    ]
    hard = bins["most uncertain tenth"]
    assert hard.clean == pytest.approx((found.predicted[0, :6] == found.labels[:6]).mean())
    rows = [found.cells.index(Cell(name, 5)) for name in FIFTEEN]
    assert hard.severity_5 == pytest.approx((found.predicted[rows, :6] == found.labels[:6]).mean())


LABELS = np.arange(40) % 10


def _votes() -> NDArray[np.float64]:
    votes = np.ones((40, 10))
    votes[np.arange(40), LABELS] = 41
    return votes


def test_votes_are_read_as_counts_or_probabilities(tmp_path: Path) -> None:
    for array in (_votes(), _votes().astype(np.int64), _votes() / 50):
        np.save(tmp_path / "votes.npy", array)
        np.testing.assert_array_equal(read_human(tmp_path / "votes.npy", LABELS, 10), array)


def _with(row: int, value: float) -> NDArray[np.float64]:
    votes = _votes()
    votes[row] = value
    return votes


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (_votes()[:-1], r"it holds float64 \(39, 10\); expected numbers \(40, 10\)"),
        (_votes().T.copy(), r"it holds float64 \(10, 40\)"),
        (_votes() > 2, "it holds bool"),
        (_with(3, np.nan), r"row 3 is \[nan"),
        (_with(4, -1), r"row 4 is \[-1\.0"),
        (_with(5, 0), r"row 5 is \[0\.0"),
        (np.roll(_votes(), 1, axis=0), "in another order"),
    ],
)
def test_wrong_votes_are_named(tmp_path: Path, array: NDArray[np.float64], words: str) -> None:
    np.save(tmp_path / "votes.npy", array)
    with pytest.raises(DataError, match=rf"votes\.npy: .*{words}"):
        read_human(tmp_path / "votes.npy", LABELS, 10)


# The file


def test_predictions_survive_the_file(found: Predictions, tmp_path: Path) -> None:
    answers.save(found, tmp_path / "predictions.h5")
    again = answers.load(tmp_path / "predictions.h5")
    assert (again.cells, again.about) == (found.cells, found.about)
    for name in ("indices", "labels", "predicted", "confidence", "true_probability"):
        one, other = getattr(found, name), getattr(again, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_a_damaged_file_is_named(found: Predictions, tmp_path: Path) -> None:
    path = tmp_path / "predictions.h5"
    with pytest.raises(RunError, match="there are no predictions"):
        answers.load(path)
    answers.save(found, path)
    whole = path.read_bytes()
    for content in (b"", b"no HDF5", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(RunError, match=r"predictions\.h5: damaged"):
            answers.load(path)
    path.write_bytes(whole)
    with h5py.File(path, "r+") as file:
        del file["labels"]
    with pytest.raises(RunError, match=r"predictions\.h5: damaged"):
        answers.load(path)
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = 99
        del file.attrs["digest"]
    with pytest.raises(RunError, match="format 99, expected 1"):
        answers.load(path)


def test_a_failed_save_keeps_the_former_file(
    found: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "predictions.h5"
    answers.save(found, path)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(RunError, match=r"predictions\.h5: cannot be written: .*No space left"):
        answers.save(found, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["predictions.h5"]
