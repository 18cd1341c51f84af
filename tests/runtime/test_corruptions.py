"""Each fast corruption against the slow one and against what theory says; seeds, order and workers."""

import hashlib
import io
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.color import hsv2rgb, rgb2hsv

from cortexc.runtime import data
from cortexc.runtime.corruptions import blur, catalogue, colour, ice, jpeg, weather
from cortexc.runtime.corruptions.catalogue import CORRUPTIONS, Cell, CorruptionError, selected, severities
from cortexc.runtime.corruptions.generation import BLOCK, Source, blocks, corrupt
from cortexc.runtime.corruptions.streams import streams
from cortexc.runtime.corruptions.writing import channels_last
from cortexc.runtime.data.cifar_c import FILES, MD5
from cortexc.runtime.data.dataset import DataError
from tests.reference import corruptions as reference

Pixels = NDArray[np.uint8]
CELLS = [Cell(name, severity) for name in CORRUPTIONS for severity in catalogue.SEVERITIES]


@pytest.fixture(scope="module")
def images() -> Pixels:
    """Pictures of all kinds: digits, noise, flat ones, and smooth ones in colour."""
    random = np.random.default_rng(0)
    digits = channels_last(data.load("digits", None).test.images)[:12]
    noise = random.integers(0, 256, (8, 32, 32, 3)).astype(np.uint8)
    flat = np.full((4, 32, 32, 3), 0, np.uint8)
    flat[1], flat[2], flat[3] = 255, 128, (200, 10, 30)
    rows, columns = np.meshgrid(np.arange(32), np.arange(32), indexing="ij")
    waves = [
        127 + 127 * np.sin(np.stack([rows * a, columns * b, (rows + columns) * c], axis=2))
        for a, b, c in random.uniform(0.05, 0.5, (8, 3))
    ]
    return np.concatenate([digits, noise, flat, np.array(waves).astype(np.uint8)])


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.corruption}-{cell.severity}")
def test_fast_equals_slow(images: Pixels, cell: Cell) -> None:
    about = CORRUPTIONS[cell.corruption]
    random = streams(7, *cell, range(len(images))) if about.stochastic else [None] * len(images)
    more = {"sheets": ice.drawn()} if cell.corruption == "frost" else {}
    constants = about.constants[cell.severity - 1]
    slow = [
        reference.corrupt(cell.corruption, x, r, constants, **more) for x, r in zip(images, random, strict=True)
    ]  # fmt: skip
    fast = corrupt(images, *cell, source=Source(seed=7))
    away = np.abs(fast.astype(int) - slow)
    if cell.corruption == "elastic_transform":  # the two sum four pixels in another order, and the result is cut off
        if int(cv2.__version__.split(".")[0]) < 5:  # the warp of the slow one is OpenCV's, which was coarse before 5
            assert away.max() <= 8
            return
        assert away.max() <= 1
        varied = (images.min(axis=(1, 2)) < images.max(axis=(1, 2))).all(axis=1)  # one colour may lie on the cut
        assert (away[varied] > 0).mean() < 1e-3
    else:
        assert away.max() == 0


def test_some_images_of_every_cell_change(images: Pixels) -> None:
    for cell in CELLS:
        changed = (corrupt(images, *cell) != images).any(axis=(1, 2, 3)).mean()
        assert changed > 0.5, cell


@pytest.mark.skipif("CORTEXC_CIFAR10" not in os.environ, reason="CORTEXC_CIFAR10 names no folder with CIFAR-10")
def test_official_sums() -> None:
    dataset = data.load("cifar10", Path(os.environ["CORTEXC_CIFAR10"]))
    clean = channels_last(dataset.test.images)
    for name in catalogue.REPRODUCIBLE:
        array = np.concatenate([corrupt(clean, name, severity) for severity in catalogue.SEVERITIES])
        assert _md5(array) == MD5[f"{name}.npy"]
    assert _md5(np.tile(dataset.test.labels.astype(np.uint8), 5)) == MD5["labels.npy"]


def _md5(array: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    np.save(file, array)
    return hashlib.md5(file.getvalue()).hexdigest()


LIBJPEG_9 = {
    80: "25d82973762b9f66a28897d43aee9395",
    65: "b4db5a24549ae9e2c4e2e546acc551ae",
    58: "c6a7146d592f81407545480081968931",
    50: "d432462646378fabe83921acd1bf9fd6",
    40: "8dd53dc3b639b5ec6032a6dd5d3bdab1",
}
"""Quality -> md5 sum of the images below, as Pillow 5.4.1 with libjpeg 9 wrote and read them."""


@pytest.mark.parametrize("quality", LIBJPEG_9)
def test_jpeg_is_that_of_libjpeg_9(quality: int) -> None:
    random = np.random.RandomState(0)  # its stream never changes
    noise = random.randint(0, 256, (20, 32, 32, 3)).astype(np.uint8)
    coarse = random.randint(0, 256, (20, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)
    found = jpeg.there_and_back(np.concatenate([noise, coarse]), quality)
    assert hashlib.md5(found.tobytes()).hexdigest() == LIBJPEG_9[quality]


def test_jpeg_is_near_that_of_pillow(images: Pixels) -> None:
    for quality in (100, 75, 20, 1):
        found = jpeg.there_and_back(images[:12], quality).astype(float)
        for image, ours in zip(images[:12], found, strict=True):
            file = io.BytesIO()
            Image.fromarray(image).save(file, "JPEG", quality=quality)
            assert np.abs(ours - np.asarray(Image.open(file))).mean() < 3


# What is drawn: the same for a seed, whoever draws it


@pytest.fixture(scope="module")
def many(images: Pixels) -> Pixels:
    return np.concatenate([images] * (2 * BLOCK // len(images) + 1))


STOCHASTIC = [name for name in CORRUPTIONS if CORRUPTIONS[name].stochastic]


@pytest.mark.parametrize("name", STOCHASTIC)
def test_pixels_depend_on_the_seed_alone(many: Pixels, name: str) -> None:
    cells = [Cell(name, 3), Cell(name, 5)]

    def made(cells: list[Cell], seed: int, workers: int) -> dict[tuple[Cell, int], bytes]:
        parts = blocks(many, cells, Source(seed=seed), workers=workers)
        return {(cell, first): block.tobytes() for cell, first, block in parts}

    one = made(cells, 4, 1)
    assert made(cells[::-1], 4, 3) == one
    assert made(cells, 5, 2) != one
    some = [17, 3, 110]
    picked = corrupt(many[some], name, 5, source=Source(seed=4), indices=some)
    assert picked.tobytes() == corrupt(many, name, 5, source=Source(seed=4))[some].tobytes()


@pytest.mark.parametrize("name", STOCHASTIC)
def test_each_image_and_severity_has_its_own_chance(name: str) -> None:
    same = np.full((2, 32, 32, 3), 150, np.uint8)
    same[:, 8:24, 8:24] = 60
    one, other = corrupt(same, name, 2)
    assert (one != other).any()
    random = [streams(0, name, severity, [0])[0].random() for severity in (1, 2)]
    assert random[0] != random[1]


def test_blocks_come_in_order_and_whole(many: Pixels) -> None:
    cells = [Cell("contrast", 5), Cell("fog", 1)]
    found: dict[Cell, list[Pixels]] = {cell: [] for cell in cells}
    for cell, first, block in blocks(many, cells, Source(), workers=2):
        assert first == sum(len(part) for part in found[cell])
        found[cell].append(block)
    assert list(found) == cells
    for cell, parts in found.items():
        np.testing.assert_array_equal(np.concatenate(parts), corrupt(many, *cell))


def test_a_consumer_may_stop_early(many: Pixels) -> None:
    made = blocks(many, CELLS, Source(), workers=2)
    next(made)
    made.close()


# What theory says of what is drawn


@pytest.fixture(scope="module")
def grey() -> Pixels:
    return np.full((300, 32, 32, 3), 128, np.uint8)


@pytest.mark.parametrize("severity", [1, 5])
def test_moments_of_noise(grey: Pixels, severity: int) -> None:
    level = 128 / 255
    (sigma,), (photons,), (speckle,) = (
        CORRUPTIONS[name].constants[severity - 1] for name in ("gaussian_noise", "shot_noise", "speckle_noise")
    )
    expected = {
        "gaussian_noise": 255 * sigma,
        "shot_noise": 255 * np.sqrt(level / photons),
        "speckle_noise": 255 * speckle * level,
    }
    for name, deviation in expected.items():
        x = corrupt(grey, name, severity).astype(float)
        assert x.std() == pytest.approx(deviation, rel=0.01), name
        assert x.mean() == pytest.approx(128 - 0.5, abs=0.15), name  # values are cut off, not rounded
        assert abs(np.corrcoef(x[..., 0].ravel(), x[..., 1].ravel())[0, 1]) < 0.01, name


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_part_of_impulses(grey: Pixels, severity: int) -> None:
    (amount,) = CORRUPTIONS["impulse_noise"].constants[severity - 1]
    x = corrupt(grey, "impulse_noise", severity)
    for value in (0, 255):
        assert (x == value).mean() == pytest.approx(amount / 2, rel=0.05)
    assert set(np.unique(x)) == {0, 128, 255}


def test_glass_moves_each_pixel_by_zero_or_one_up_and_left() -> None:
    # At severity 1 the blur is too narrow to matter, and pixels are visited from the last to the first: each value
    # comes from the untouched pixel above and to the left of it, or from itself.
    rows, columns = np.meshgrid(np.arange(32), np.arange(32), indexing="ij")
    image = np.stack([8 * rows, 8 * columns, 0 * rows], axis=2).astype(np.uint8)
    x = corrupt(np.stack([image] * 200), "glass_blur", 1)[:, 2:32, 2:32].astype(int)
    moved = (image[2:32, 2:32].astype(int) - x)[..., :2] / 8
    inside = moved[:, :-1, :-1].round()
    for axis in (0, 1):
        values, counts = np.unique(inside[..., axis], return_counts=True)
        assert values.tolist() == [0, 1]
        assert counts / counts.sum() == pytest.approx([0.5, 0.5], abs=0.01)


def test_motion_blur_of_a_point_is_half_a_gaussian_along_the_line() -> None:
    point = np.zeros((3, 32, 32, 3), np.uint8)
    point[:, 16, 16] = 255
    x = blur.smeared(point, 6, 2.0, np.array([0.0, 90.0, 45.0]))
    weights = np.exp(-(np.arange(13) ** 2) / 8)
    weights *= 255 / weights.sum()
    assert x[0, 16, 16:3:-1, 0] == pytest.approx(weights, abs=0.51)
    assert x[1, 16:3:-1, 16, 0] == pytest.approx(weights, abs=0.51)
    assert (x[0, :16].max(), x[0, 17:].max(), x[0, :, 17:].max()) == (0, 0, 0)
    reached = np.argwhere(x[2, :, :, 0])
    assert (reached[:, 0] == reached[:, 1]).all()
    flat = np.full((1, 32, 32, 3), 77, np.uint8)
    assert (blur.smeared(flat, 9, 2.5, np.array([-33.0])) == 77).all()


def _plasma_by_points(random: np.random.Generator, decay: float) -> NDArray[np.float64]:
    """The diamond-square algorithm as textbooks have it, point by point on a torus of 32 x 32."""
    heights = np.zeros((32, 32))
    step, wibble = 32, 100.0
    while step >= 2:
        half = step // 2

        def drawn(*around: tuple[int, int], wibble: float = wibble) -> float:
            mean = sum(heights[row % 32, column % 32] for row, column in around) / 4
            return float(mean + wibble * random.uniform(-wibble, wibble))

        for row in range(0, 32, step):
            for column in range(0, 32, step):
                corners = [(row + a, column + b) for a in (0, step) for b in (0, step)]
                heights[row + half, column + half] = drawn(*corners)
        for row in range(0, 32, half):
            for column in range(half if row % step == 0 else 0, 32, step):
                beside = [(row - half, column), (row + half, column), (row, column - half), (row, column + half)]
                heights[row, column] = drawn(*beside)
        step, wibble = half, wibble / decay
    return (heights - heights.min()) / (heights.max() - heights.min())


@pytest.mark.parametrize("decay", [3.0, 1.75])
def test_fog_is_diamond_square(decay: float) -> None:
    ours = weather.plasma(streams(0, "fog", 3, range(2000)), decay)
    random = np.random.default_rng(1)
    theirs = np.stack([_plasma_by_points(random, decay) for _ in range(150)])
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.03)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.05)
    for away in (1, 2, 4, 8, 16):
        for axis in (1, 2):
            change = [np.abs(x - np.roll(x, away, axis=axis)).mean() for x in (ours, theirs)]
            assert change[0] == pytest.approx(change[1], rel=0.07)


SUMS = {
    "gaussian_noise": "50e3e3af63ef6c747c969bf8012a5630",
    "shot_noise": "a0674eed89e0fef6b15055e6bd09ed82",
    "impulse_noise": "176d378b4cad942553312066026f34fe",
    "defocus_blur": "58f31cd4a235fc12c434b89bd7c40c58",
    "glass_blur": "467f5794e05ada5993bf7afe479f582d",
    "motion_blur": "5da100ec694d08446cfe9d81a2e0cb80",
    "zoom_blur": "60890a2af009510e06a9c831d710e67c",
    "snow": "96adaba4dd9185cff5a4504170e4b0df",
    "frost": "6feed598c4e7a02fb3f1e30c332ffa8a",
    "fog": "a68e4fb20528a7787f4c9697636b9c0e",
    "brightness": "1cb05288179ce1deb4ab192f3a2bf82b",
    "contrast": "39a9a9991d38c942806f22633e86ae09",
    "elastic_transform": "558ee37fbb8d08070f1463f50e4992f4",
    "pixelate": "bd89aa8f1673a0e6b18d0fbf3ab3108d",
    "jpeg_compression": "9e227ad867f8cf3955f536db606f9f0c",
    "speckle_noise": "5b52cddc302cd766a490143a997c62a0",
    "gaussian_blur": "58c1aeebfc8cd78a2543ca6a336f4175",
    "spatter": "d1ac4f2fac39fb8d036ff0b1ac63f078",
    "saturate": "9b0a236221c16d0fe257f824b1064bda",
}
"""Corruption -> md5 sum of the images below at severities 1, 3 and 5, seed 0: the same from OpenCV 4.10, NumPy 2.0,
SciPy 1.13 and scikit-image 0.24 to OpenCV 5.0, NumPy 2.4, SciPy 1.17 and scikit-image 0.26."""


@pytest.mark.parametrize("name", list(CORRUPTIONS))
def test_old_and_new_libraries_make_the_same_pixels(name: str) -> None:
    at, number = np.arange(32), np.arange(24)[:, None, None, None]
    down, across = at[:, None, None], at[None, :, None]
    pattern = down * (3 + number) + across**2 // (1 + number % 5) + [0, 60, 120] + (down * across * (number + 7)) % 41
    made = [corrupt((pattern % 256).astype(np.uint8), name, severity).tobytes() for severity in (1, 3, 5)]
    assert hashlib.md5(b"".join(made)).hexdigest() == SUMS[name]


def test_sixteen_bits_become_eight_by_rounding() -> None:
    # As in ImageMagick 6.9.10: the nearest of the 256 values. Later ones cut off, so half of all values are one lower.
    edge = np.zeros((1, 32, 32, 1), np.uint8)
    edge[:, :, 16:] = 255
    x = blur.smeared(edge, 10, 3.0, np.array([180.0]))[0, 5, :, 0]  # each pixel sees those to its left
    weights = np.exp(-(np.arange(21) ** 2) / (2 * 3.0**2))
    weights /= weights.sum()
    exact = 255 * np.cumsum(weights)[:16]
    assert x[16:].tolist() == np.floor(exact + 0.5).tolist()
    assert (x[16:] != np.floor(exact)).any(), "a test that could not tell the two apart"


def test_elastic_transform_needs_no_warp_of_opencv(images: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    # OpenCV 4 rounds the weights of a warp, and OpenCV 5 does not: only arithmetic of our own is the same with both.
    import cv2

    monkeypatch.delattr(cv2, "warpAffine")
    monkeypatch.delattr(cv2, "remap")
    for severity in (1, 3, 5):
        assert corrupt(images, "elastic_transform", severity).shape == images.shape


def test_elastic_transform_moves_points_as_far_as_it_should() -> None:
    # Severity 1 is an affine map alone: the image of a ramp is a ramp, shifted by the jitter of its corners.
    ramp = np.repeat(np.arange(32)[None, :, None] * 8, 32, axis=0).repeat(3, axis=2).astype(np.uint8)
    x = corrupt(np.stack([ramp] * 400), "elastic_transform", 1)[:, 16, 16, 0].astype(float)
    shift = (x - 128 + 0.5) / 8  # pixels, at the middle of two jittered corners
    assert shift.std() == pytest.approx(2.56 / np.sqrt(3) / np.sqrt(2), rel=0.12)
    assert abs(shift.mean()) < 0.2


PIECES = (  # of the photographs: mean, deviation of means, deviation within pieces, correlation of neighbours
    (130.1, 10.9, 14.4, 0.52),
    (205.5, 9.2, 18.2, 0.37),
    (205.5, 9.2, 18.2, 0.37),
    (157.2, 10.8, 26.3, 0.23),
    (115.3, 16.5, 34.9, 0.36),
)
POWER = (  # of their pieces, in rings of one cycle a piece from 2 on, relative to the sum of all rings but the first
    (381, 144, 73, 50, 42, 37, 33, 30, 32, 31, 29, 30, 30, 29, 29),
    (206, 111, 94, 77, 67, 57, 50, 52, 51, 48, 44, 37, 36, 36, 35),
    (206, 111, 94, 77, 67, 57, 50, 52, 51, 48, 44, 37, 36, 36, 35),
    (119, 96, 84, 61, 66, 70, 64, 62, 61, 54, 52, 53, 52, 52, 52),
    (227, 160, 115, 84, 63, 48, 42, 39, 37, 34, 34, 30, 28, 28, 28),
)


def pieces(sheet: Pixels) -> NDArray[np.float64]:
    """Return the brightness of the pieces of 32 x 32 pixels that frost is cut from: every fourth in both directions."""
    cut = np.lib.stride_tricks.sliding_window_view(sheet.mean(axis=2), (32, 32))[:-1:4, :-1:4]
    return cut.reshape(-1, 32, 32)


@pytest.mark.parametrize("number", range(5))
def test_drawn_frost_has_the_figures_of_the_photographs(number: int) -> None:
    sheet, drawn = ice.SHEETS[number], ice.drawn()[number]
    flat = drawn.reshape(-1, 3).astype(float)
    assert drawn.shape == (*sheet.shape, 3)
    assert flat.mean(axis=0) == pytest.approx(sheet.mean, abs=1.5)
    assert flat.std(axis=0) == pytest.approx(sheet.deviation, rel=0.08)
    assert np.corrcoef(flat.T)[[0, 0, 1], [1, 2, 2]] == pytest.approx(sheet.correlation, abs=0.05)
    assert np.quantile(flat.mean(axis=1), ice.LEVELS[1:-1]) == pytest.approx(sheet.quantiles[1:-1], abs=8)

    cut = pieces(drawn)
    means = cut.mean(axis=(1, 2))
    away = cut - means[:, None, None]
    beside = ((away[:, 1:] * away[:, :-1]).mean() + (away[:, :, 1:] * away[:, :, :-1]).mean()) / 2
    mean, between, within, correlation = PIECES[number]
    assert means.mean() == pytest.approx(mean, abs=1.5)
    assert means.std() == pytest.approx(between, abs=1.5)
    assert away.std() == pytest.approx(within, rel=0.04)
    assert beside / away.var() == pytest.approx(correlation, abs=0.02)

    window = np.outer(np.hanning(32), np.hanning(32))
    power = (np.abs(np.fft.fft2(away * window)) ** 2).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(32)[:, None], np.fft.fftfreq(32)) * 32
    rings = np.array([power[frequency.astype(int) == ring].mean() for ring in range(2, 17)])
    ratio = rings / rings.sum() * 1000 / POWER[number]
    assert 0.7 < ratio.min() < ratio.max() < 1.35
    assert np.abs(np.log(ratio)).mean() < 0.15


def test_photographs_are_used_where_they_are_given(tmp_path: Path, images: Pixels) -> None:
    import cv2

    for number, name in enumerate(ice.PHOTOGRAPHS):
        cv2.imwrite(str(tmp_path / name), np.full((250, 300, 3), (10 * number, 20, 200), np.uint8))
    sheets = ice.photographs(tmp_path)
    assert [sheet.shape for sheet in sheets] == [(50, 60, 3)] * 5
    assert sheets[0][0, 0].tolist() == [200, 20, 0]  # red first
    x = corrupt(images, "frost", 1, source=Source(frost_photos=tmp_path))
    assert (x != corrupt(images, "frost", 1)).any()
    (tmp_path / "frost3.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"frost3\.png: this is no image"):
        ice.photographs(tmp_path)
    cv2.imwrite(str(tmp_path / "frost3.png"), np.zeros((100, 300, 3), np.uint8))
    with pytest.raises(DataError, match="300 x 100 pixels; expected at least 170 x 170"):
        ice.photographs(tmp_path)
    (tmp_path / "frost3.png").unlink()
    with pytest.raises(DataError, match=r"frost3\.png: there is no such file"):
        Source(frost_photos=tmp_path).sheets()


def test_colours_are_those_of_scikit_image() -> None:
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (20_000, 3))
    edges = np.array([[a, b, c] for a in (0, 1, 127, 255) for b in (0, 1, 127, 255) for c in (0, 1, 127, 255)])
    rgb = np.concatenate([colours, edges]) / 255.0
    hsv = np.stack(colour.rgb_to_hsv(rgb), axis=-1)
    np.testing.assert_array_equal(hsv, rgb2hsv(rgb))
    hsv = np.concatenate([hsv, random.random((20_000, 3)), [[1 - 2**-53, 1, 1], [0, 0, 0]]])
    np.testing.assert_array_equal(colour.hsv_to_rgb(*np.moveaxis(hsv, -1, 0)), hsv2rgb(hsv))


# The catalogue


def test_catalogue_knows_fifteen_and_four() -> None:
    assert (len(catalogue.BENCHMARK), len(catalogue.EXTRA)) == (15, 4)
    assert set(FILES) == {f"{name}.npy" for name in CORRUPTIONS} | {"labels.npy"}
    by_group = {g: [c.name for c in CORRUPTIONS.values() if c.group == g and c.benchmark] for g in catalogue.GROUPS}
    assert {group: len(names) for group, names in by_group.items()} == {
        "noise": 3,
        "blur": 4,
        "weather": 4,
        "digital": 4,
    }
    assert all(len(c.constants) == 5 for c in CORRUPTIONS.values())


@pytest.mark.parametrize(
    ("words", "count"), [(["all"], 19), (["benchmark"], 15), (["extra", "benchmark"], 19), (["fog", "fog"], 1)]
)
def test_names_are_selected_in_order_and_once(words: list[str], count: int) -> None:
    names = selected(words)
    assert len(names) == count
    assert list(names) == [name for name in CORRUPTIONS if name in names]


@pytest.mark.parametrize(
    ("text", "expected"), [("1-5", (1, 2, 3, 4, 5)), ("5", (5,)), ("3,1", (1, 3)), ("1,4-5", (1, 4, 5))]
)
def test_severities_are_read(text: str, expected: tuple[int, ...]) -> None:
    assert severities(text) == expected


@pytest.mark.parametrize("text", ["", "0", "6", "5-1", "1-", "a", "1;2", "-1"])
def test_what_is_no_severity_is_refused(text: str) -> None:
    with pytest.raises(CorruptionError, match="names no severities"):
        severities(text)


ONE = np.zeros((1, 32, 32, 3), np.uint8)


@pytest.mark.parametrize(
    "images",
    [ONE.astype(float), ONE[0], ONE.transpose(0, 3, 1, 2), ONE[:, :28, :28]],
    ids=["float", "one image", "channels first", "another size"],
)
def test_other_images_are_refused(images: Pixels) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(N, 32, 32, 3\)"):
        corrupt(images, "fog", 1)


def test_unknown_corruptions_seeds_and_workers_are_refused(images: Pixels) -> None:
    for name, severity in (("frog", 1), ("fog", 0), ("fog", 6)):
        with pytest.raises(CorruptionError, match="there is no corruption"):
            corrupt(images, name, severity)
    with pytest.raises(CorruptionError, match="there is no corruption `forst`"):
        selected(["forst"])
    with pytest.raises(CorruptionError, match="seed is -1"):
        Source(seed=-1)
    with pytest.raises(CorruptionError, match="0 workers"):
        next(blocks(images, [Cell("fog", 1)], Source(), workers=0))
