"""Encode the images of some shards with an image tower."""

from pathlib import Path

from cirque import devices, precisions
from cirque.data import shards
from cirque.encoders import backbones, extraction
from cirque.encoders.features import OK, require_few_failures, write_features
from cirque.errors import listed
from cirque.progress import say


def main(
    *,
    shards_of_part: list[Path],
    images: Path,
    weights: Path,
    preprocess: str,
    max_failed: int,
    output: Path,
    threads: int = 1,
    device: str = "auto",
    precision: precisions.FrozenPrecision = "fp32",
) -> None:
    """Write a feature or the reason why there is none for every image of the shards (schemas.features).

    Args:
        shards_of_part: tars, named by their numbers, in order.
        images: images.parquet of the same image set, which says what the shards must hold.
        weights: weights.safetensors of the backbone.
        preprocess: name of the preprocessing.
        max_failed: how many images of the set may fail; more in these shards alone are an error at once.
        output: the feature file.
        threads: threads of torch, and as many that decode.
        device: auto, cpu or cuda.
        precision: What the tower's products are computed in.
    """
    place = devices.prepare(threads, device, precision)
    dtype = devices.TYPES[precision]
    encoder = backbones.load_images(weights, place, dtype)
    batch = extraction.BATCH[place.type]
    n_images, samples = shards.read_part(shards_of_part, images)
    decoded = extraction.decode_all(samples, preprocess, encoder.image_size, threads, ahead=2 * batch)
    encode = extraction.encoder(encoder.encode_image, encoder.mean, encoder.std, place, dtype)
    ids, statuses, features = extraction.extract(decoded, encode, encoder.dim, batch, n_images)
    failed = {name: status for name, status in zip(ids, statuses, strict=True) if status != OK}
    require_few_failures(failed, n_images, max_failed, listed(shards_of_part))
    write_features(output, ids, statuses, features)
    say(f"{len(ids) - len(failed):,} features, {len(failed)} images failed")
    for name, reason in failed.items():
        say(f"  {name}: {reason}")
