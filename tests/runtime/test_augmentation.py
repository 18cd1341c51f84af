import pytest
import torch
import torch.nn.functional as F

from cortexc.runtime.data.augmentation import flip_and_crop


def images(batch=64, size=32, dtype=torch.uint8):
    return torch.randint(0, 256, (batch, 3, size, size), generator=torch.Generator().manual_seed(1)).to(dtype)


def augmented(source, seed=0, padding=4, flip=True):
    return flip_and_crop(source, padding=padding, flip=flip, generator=torch.Generator().manual_seed(seed))


def candidates(image, padding, flip):
    """Every image that padding by reflection, cropping and flipping can give, by torch's own padding."""
    size = image.shape[-1]
    padded = F.pad(image[None].double(), [padding] * 4, mode="reflect")[0]
    span = range(2 * padding + 1)
    crops = [padded[:, y : y + size, x : x + size] for y in span for x in span]
    return crops + [crop.flip(-1) for crop in crops] if flip else crops


@pytest.mark.parametrize("flip", [True, False])
def test_each_image_is_one_of_the_crops_of_its_padded_self(flip):
    source = images(batch=24)
    result = augmented(source, flip=flip)
    for before, after in zip(source, result, strict=True):
        assert any(torch.equal(after.double(), crop) for crop in candidates(before, 4, flip))


def test_all_crops_occur_about_equally_often():
    source = images(batch=1, size=8)
    result = augmented(source.expand(5400, -1, -1, -1), padding=1)
    counts = [
        (result == crop.to(torch.uint8)).flatten(1).all(1).sum().item() for crop in candidates(source[0], 1, True)
    ]
    assert sum(counts) == 5400
    assert 220 < min(counts)
    assert max(counts) < 380  # 300 expected of each of the 18, standard deviation 17


def test_same_seed_same_images_and_another_seed_others():
    source = images()
    assert torch.equal(augmented(source, 3), augmented(source, 3))
    assert not torch.equal(augmented(source, 3), augmented(source, 4))


def test_the_global_generator_is_left_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    augmented(images())
    assert torch.equal(torch.get_rng_state(), before)


def test_flip_changes_no_crop():
    source = images()
    with_flip, without = augmented(source), augmented(source, flip=False)
    same = (with_flip == without).flatten(1).all(1)
    mirrored = (with_flip.flip(-1) == without).flatten(1).all(1)
    assert (same | mirrored).all()
    assert same.any()
    assert mirrored.any()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
def test_type_and_source_are_kept(dtype):
    source = images(dtype=dtype)
    copy = source.clone()
    result = augmented(source)
    assert (result.dtype, result.shape) == (dtype, source.shape)
    assert result.is_contiguous()
    assert torch.equal(source, copy)
    assert torch.equal(result.double(), augmented(source.double()))


def test_without_padding_and_flip_nothing_changes():
    source = images()
    assert torch.equal(augmented(source, padding=0, flip=False), source)


def test_channels_last_and_oblong_images():
    source = images().to(memory_format=torch.channels_last)
    assert torch.equal(augmented(source), augmented(source.contiguous()))
    oblong = images()[:, :, :12]
    assert augmented(oblong).shape == (64, 3, 12, 32)


def test_empty_batch():
    assert augmented(images()[:0]).shape == (0, 3, 32, 32)


@pytest.mark.parametrize("padding", [-1, 32])
def test_padding_that_does_not_fit_is_refused(padding):
    with pytest.raises(ValueError, match="expected 0 to 31"):
        augmented(images(), padding=padding)


def test_a_single_image_is_refused():
    with pytest.raises(ValueError, match="batch, channel, height, width"):
        augmented(images()[0])


def test_nothing_but_the_random_numbers_is_made_on_the_cpu():
    result = augmented(images().to("meta"))  # a device that refuses to meet tensors of another
    assert result.is_meta
    assert result.shape == (64, 3, 32, 32)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_an_accelerator_gives_the_same_images():
    source = images()
    result = augmented(source.cuda())
    assert result.is_cuda
    assert torch.equal(result.cpu(), augmented(source))
