import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cirque import devices
from cirque.data import images, shards
from cirque.data.shard_index import ShardIndex
from cirque.data.shards import Sample
from cirque.encoders import backbones, extraction
from cirque.encoders.features import OK
from cirque.errors import CirqueError
from tests import tiny, toy_encoder
from tests.plain_images import preprocess

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> backbones.Backbone:
    weights = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    tiny.save_weights(weights)
    return backbones.load(weights, CPU)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """Forty pictures, two of which are none."""
    root = tmp_path_factory.mktemp("pictures")
    names = [f"image-{i}" for i in range(40)]
    tiny.save_pictures(root, ".", names)
    good = [Sample(name, (root / f"{name}.png").read_bytes()) for name in names]
    good[7] = Sample("image-7", b"")
    good[21] = Sample("image-21", good[21].data[:300])
    return good


def features_of(samples, backbone, kind="targetpad", workers=1, batch=32):
    encode = extraction.encoder(backbone.encode_image, backbone.mean, backbone.std, CPU)
    decoded = extraction.decode_all(samples, kind, backbone.image_size, workers)
    return extraction.extract(decoded, encode, backbone.dim, batch, len(samples))


def test_every_image_is_accounted_for_in_order(samples, backbone):
    ids, statuses, features = features_of(samples, backbone)
    assert ids == [sample.image_id for sample in samples]
    assert [i for i, status in enumerate(statuses) if status != OK] == [7, 21]
    assert statuses[7] == "empty file"
    assert "truncated" in statuses[21]
    assert features.shape == (38, 16)
    assert features.dtype == np.float32


@pytest.mark.parametrize("kind", ["targetpad", "clip", "targetpad_fast"])
def test_a_feature_is_what_the_model_gives_for_the_preprocessed_image(samples, backbone, kind: str):
    _, _, features = features_of(samples[:3], backbone, kind)
    for sample, feature in zip(samples, features, strict=False):
        pixels = preprocess(images.decode(sample.data), kind, 32, backbone.mean, backbone.std)
        with torch.inference_mode():
            alone = backbone.model.encode_image(torch.from_numpy(pixels)[None])[0].numpy()
        np.testing.assert_allclose(feature, alone, atol=1e-6)
        assert abs(np.linalg.norm(feature) - 1) > 1e-3  # un-normalised


def test_order_and_values_do_not_depend_on_the_number_of_workers(samples, backbone):
    ids, statuses, features = features_of(samples, backbone, workers=1)
    for workers in (2, 5, 64):
        again = features_of(samples, backbone, workers=workers)
        assert (again[0], again[1]) == (ids, statuses)
        np.testing.assert_array_equal(again[2], features)


def test_values_do_not_depend_on_the_threads_of_torch(samples, backbone):
    results = []
    for threads in (3, 2, 1):
        torch.set_num_threads(threads)
        results.append(features_of(samples, backbone)[2])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@settings(deadline=None, max_examples=12)
@given(st.lists(st.integers(0, 40), max_size=6))
def test_values_are_the_same_to_the_last_bit_however_the_images_are_cut_into_shards(samples, backbone, cuts):
    whole = features_of(samples, backbone)
    edges = [0, *sorted(cuts), len(samples)]
    parts = [features_of(samples[a:b], backbone) for a, b in itertools.pairwise(edges)]
    assert [name for ids, _, _ in parts for name in ids] == whole[0]
    np.testing.assert_array_equal(np.concatenate([features for _, _, features in parts]), whole[2])


def test_values_do_not_depend_on_what_shares_the_batch_or_on_the_place_in_it(samples, backbone):
    ids, _, features = features_of(samples, backbone)
    order = np.random.default_rng(0).permutation(len(samples))
    again_ids, statuses, again = features_of([samples[i] for i in order], backbone)
    known = dict(zip([i for i in ids if i not in ("image-7", "image-21")], features, strict=True))
    good = [name for name, status in zip(again_ids, statuses, strict=True) if status == OK]
    np.testing.assert_array_equal(again, [known[name] for name in good])


def test_another_batch_size_changes_less_than_a_millionth(samples, backbone):
    reference = features_of(samples, backbone)[2]
    scale = np.abs(reference).max()
    for batch in (1, 2, 7, 64):
        again = features_of(samples, backbone, batch=batch)[2]
        np.testing.assert_allclose(again, reference, rtol=0, atol=1e-6 * max(scale, 1))


def test_decoding_looks_only_a_little_ahead():
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield Sample(str(taken), b"")

    decoded = extraction.decode_all(endless(), "clip", 32, workers=2)
    assert [next(decoded)[0] for _ in range(10)] == [str(i) for i in range(1, 11)]
    decoded.close()
    assert taken <= 10 + 4 * 2


def test_two_batches_are_decoded_while_the_device_is_at_work():
    taken = 0

    def pictures():
        nonlocal taken
        for number in range(100):
            taken += 1
            yield Sample(str(number), b"")

    decoded = extraction.decode_all(pictures(), "clip", 32, workers=1, ahead=2 * 8)
    for _ in range(8):
        next(decoded)  # a batch is full, the device starts, and the next two are with the threads
    assert 2 * 8 <= taken <= 3 * 8
    decoded.close()


def test_an_unforeseen_error_in_a_worker_is_not_swallowed(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(extraction, "read_pixels", fail)
    with pytest.raises(MemoryError):
        list(extraction.decode_all([Sample("a", b"")], "clip", 32, workers=2))


def test_no_image_at_all_gives_no_feature(backbone):
    ids, statuses, features = features_of([], backbone)
    assert (ids, statuses, features.shape) == ([], [], (0, 16))


# ---- images of queries ----------------------------------------------------------------------------------------------


@pytest.fixture
def index(tmp_path: Path) -> ShardIndex:
    """Twelve pictures in two shards."""
    names = [f"image-{number}" for number in range(12)]
    tiny.save_pictures(tmp_path, "pictures", names)
    rows = shards.assign([(name, f"pictures/{name}.png") for name in names], "set", 7)
    paths = [tmp_path / f"{number:05d}.tar" for number in (0, 1)]
    for number, path in enumerate(paths):
        shards.write_shard(path, shards.rows_of(rows, number, path), tmp_path)
    return ShardIndex(paths, rows)


def test_references_are_given_as_pixels_in_the_order_asked_for(index):
    numbers = index.numbers(["image-9", "image-2", "image-9"])
    pixels = extraction.pixels_of(index, numbers, "targetpad", 32, workers=2)
    assert pixels.shape == (3, 32, 32, 3)
    np.testing.assert_array_equal(pixels[1], images.read_pixels(index.sample(2).data, "targetpad", 32))
    np.testing.assert_array_equal(pixels[0], pixels[2])


def test_a_reference_that_is_in_no_shard_is_named(index):
    with pytest.raises(CirqueError, match=r"1 of 2 images are not among the 12 of the image set \(first: image-12\)"):
        index.numbers(["image-1", "image-12"])


def test_a_query_s_tower_and_its_feature_map_are_read_where_the_encoder_has_them(index, tmp_path, monkeypatch):
    toy_encoder.add(monkeypatch, tmp_path / "members")
    toy_encoder.save_weights(tmp_path / "weights.safetensors")
    toy = backbones.load_images(tmp_path / "weights.safetensors", CPU)
    pixels = extraction.pixels_of(index, range(12), "clip", toy.image_size, workers=1)
    gallery, query, maps = (
        extraction.encode_all(extraction.encoder(tower, toy.mean, toy.std, CPU), pixels, batch=5)
        for tower in (toy.encode_image, toy.encode_query_image, toy.image_maps)
    )
    assert (gallery.shape, query.shape, maps.shape) == ((12, 8), (12, 8), (12, 3, 2, 2))
    weight, bias = (toy.model.queries.weight.numpy(), toy.model.queries.bias.numpy())
    np.testing.assert_allclose(query, maps.reshape(12, -1) @ weight.T + bias, atol=1e-5)
    assert not np.allclose(query, gallery)


def test_features_in_bf16_point_where_those_in_fp32_do(samples, tmp_path):
    tiny.save_weights(tmp_path / "weights.safetensors")
    rough = backbones.load(tmp_path / "weights.safetensors", CPU)
    fine = features_of(samples, rough)[2]
    rough.model.to(torch.bfloat16)
    encode = extraction.encoder(rough.encode_image, rough.mean, rough.std, CPU, torch.bfloat16)
    decoded = extraction.decode_all(samples, "targetpad", rough.image_size, 1)
    _, _, features = extraction.extract(decoded, encode, rough.dim, 32, len(samples))
    cosines = (features * fine).sum(1) / np.linalg.norm(features, axis=1) / np.linalg.norm(fine, axis=1)
    assert cosines.min() > 0.9999
    assert not np.array_equal(features, fine)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_values_do_not_depend_on_what_shares_the_batch(samples, tmp_path):
    tiny.save_weights(tmp_path / "weights.safetensors")
    there = backbones.load(tmp_path / "weights.safetensors", devices.prepare(1, "cuda", "fp32"))
    whole, again = [
        extraction.extract(
            extraction.decode_all(chosen, "targetpad", there.image_size, 2),
            extraction.encoder(there.encode_image, there.mean, there.std, torch.device("cuda")),
            there.dim,
            8,
            len(chosen),
        )
        for chosen in (samples, samples[::-1])
    ]
    np.testing.assert_array_equal(whole[2], again[2][::-1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_features(samples, backbone, tmp_path: Path):
    tiny.save_weights(tmp_path / "weights.safetensors")
    cuda = devices.prepare(1, "cuda", "fp32")
    there = backbones.load(tmp_path / "weights.safetensors", cuda)
    encode = extraction.encoder(there.encode_image, there.mean, there.std, cuda)
    decoded = extraction.decode_all(samples, "targetpad", 32, 2)
    _, _, features = extraction.extract(decoded, encode, there.dim, extraction.BATCH["cuda"], len(samples))
    np.testing.assert_allclose(features, features_of(samples, backbone)[2], atol=1e-4)


def test_what_waits_is_not_decoded_once_nobody_asks_for_it(monkeypatch: pytest.MonkeyPatch):
    decoded: list[str] = []

    def slowly(samples: Sequence[Sample], kind: str, size: int) -> list[tuple[str, str]]:
        time.sleep(0.01)
        decoded.extend(sample.image_id for sample in samples)
        return [(sample.image_id, "broken") for sample in samples]

    monkeypatch.setattr(extraction, "_decode", slowly)
    pictures = extraction.decode_all((Sample(str(i), b"") for i in range(1000)), "clip", 8, 1, ahead=400)
    assert next(pictures) == ("0", "broken")
    pictures.close()
    assert len(decoded) <= 200  # the task asked for and the one under way, of four


def test_as_many_images_are_decoded_ahead_as_are_asked_for(monkeypatch: pytest.MonkeyPatch):
    taken: list[int] = []

    def samples() -> Iterator[Sample]:
        for i in range(1000):
            taken.append(i)
            yield Sample(str(i), b"")

    monkeypatch.setattr(extraction, "_decode", lambda some, kind, size: [(one.image_id, "broken") for one in some])
    for workers, ahead in ((3, 64), (3, 512), (7, 100)):
        taken.clear()
        next(extraction.decode_all(samples(), "clip", 8, workers, ahead=ahead))
        assert len(taken) >= ahead
