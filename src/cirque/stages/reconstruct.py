"""Decode what a composer composes: pictures of queries' features, by a decoder of the composer's image features."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cirque import devices, draws
from cirque.css import pictures, reading
from cirque.data import decoded
from cirque.encoders import composers
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files, provenance, schemas
from cirque.trainers import decoder
from cirque.training.loop import fit


def main(
    *,
    composer: Path,
    method: str,
    training_images: Path,
    training_pixels: Path,
    queries: Path,
    images: Path,
    pixels: Path,
    reference_pixels: Path | None = None,
    texts: list[str],
    settings: decoder.Settings,
    seed: int,
    work: Path,
    output: Path,
    threads: int = 1,
    device: str = "auto",
    seconds_between_saves: float = 60.0,
) -> None:
    """Write, of one query for each text, its pictures and what the decoder makes of their features.

    Args:
        composer: Weights of a composer.
        method: Its name.
        training_images: images.parquet of the set that it was trained on.
        training_pixels: Decoded images of that set, which the decoder learns.
        queries: queries.parquet of a benchmark of CSS.
        images: images.parquet of the benchmark's image set.
        pixels: Decoded images of that set.
        reference_pixels: Decoded images of the references, where they are pictures of another kind; of the same ids.
        texts: Modifications that the paper shows; of each the query is chosen that is most alike.
        settings: How the decoder is trained.
        seed: Of the decoder's first weights and of the order of images.
        work: Folder for the state of an unfinished training; removed at the end.
        output: Parquet file to write (schemas.RECONSTRUCTIONS).
        threads: Threads of torch.
        device: auto, cpu or cuda.
        seconds_between_saves: How many seconds of training a kill may cost.
    """
    place = devices.prepare(threads, device, "fp32")
    asked = files.read_table(queries, schemas.QUERIES.names).to_pylist()
    try:
        numbers = reading.most_alike(texts, [" and ".join(query["captions"]) for query in asked])
    except CirqueError as error:
        raise CirqueError(f"{queries}: {error}") from error
    chosen = [asked[number] for number in numbers]
    row = {name: number for number, name in enumerate(_ids(images))}
    seen = decoded.read(pixels, len(row))
    references = seen if reference_pixels is None else decoded.read(reference_pixels, len(row))
    learned = decoded.read(training_pixels, len(_ids(training_images)))
    model = composers.load(composer, place)
    network = _decoder(
        *(model, learned, settings, seed),
        inputs=[composer, training_pixels],
        work=work,
        seconds_between_saves=seconds_between_saves,
    )
    of_references, of_targets = (
        np.array([row[name] for name in names], dtype=np.intp)
        for names in ([query["reference_id"] for query in chosen], [query["target_ids"][0] for query in chosen])
    )
    composed = model.compose(references, of_references, [" and ".join(query["captions"]) for query in chosen])
    shown: dict[str, NDArray[np.uint8]] = {
        "reference": references[of_references],
        "target": seen[of_targets],
        "decoded reference": decoder.decoded(network, model.encode_images(seen[of_references])),
        "decoded target": decoder.decoded(network, model.encode_images(seen[of_targets])),
        "decoded query": decoder.decoded(network, composed),
    }
    files.write_rows(output, _rows(method, texts, chosen, shown), schemas.RECONSTRUCTIONS)
    shutil.rmtree(work, ignore_errors=True)


def _ids(images: Path) -> list[str]:
    """Images of a set, in gallery order."""
    found: list[str] = files.read_table(images, ["image_id"])["image_id"].to_pylist()
    return found


def _decoder(
    model: composers.Composer,
    pixels: NDArray[np.uint8],
    settings: decoder.Settings,
    seed: int,
    *,
    inputs: Sequence[Path],
    work: Path,
    seconds_between_saves: float,
) -> decoder.Decoder:
    """A decoder of a composer's image features, trained; one that was cut off goes on.

    Args:
        model: the composer.
        pixels: of the images that it learns [n, height, width, 3].
        settings: how.
        seed: of everything random.
        inputs: files that the result depends on.
        work: folder for the state.
        seconds_between_saves: how much a kill may cost.
    """
    features = model.encode_images(pixels)
    if not np.isfinite(features).all():
        raise CirqueError(f"{inputs[0]}: the features of some images are not finite; {provenance.cure(inputs[0])}")
    torch.manual_seed(draws.seed_of(seed, "decoder"))
    _, height, width, _ = pixels.shape
    network = decoder.Decoder(features.shape[1], height, width, settings.width).to(model.device)
    training = decoder.training_of(network, features, pixels, settings, seed, inputs=inputs)
    name = provenance.fingerprint(
        "reconstruct", inputs=inputs, settings=asdict(settings), seed=seed, device=model.device.type
    )
    log = fit(training, work / f"{name}.safetensors", seconds_between_saves)
    say(f"{len(pixels):,} images; the decoder's last mean squared error is {log[-1]['value']:.4f}")
    return network


def _rows(
    method: str, texts: Sequence[str], chosen: Sequence[dict[str, Any]], shown: dict[str, NDArray[np.uint8]]
) -> list[dict[str, Any]]:
    """Rows of schemas.RECONSTRUCTIONS, query after query."""
    return [
        {
            "method": method,
            "query_id": query["query_id"],
            "printed": printed,
            "text": " and ".join(query["captions"]),
            "kind": kind,
            "height": of_kind.shape[1],
            "width": of_kind.shape[2],
            "pixels": pictures.png(of_kind[number]),
        }
        for number, (printed, query) in enumerate(zip(texts, chosen, strict=True))
        for kind, of_kind in shown.items()
    ]
