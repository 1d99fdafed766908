"""Compose each query's feature by one method."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cirque import methods
from cirque.encoders import reference_captions as generated_captions
from cirque.encoders.features import load_features
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files, schemas, vectors
from cirque.texts import concepts as association

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone
    from cirque.networks.phi import Phi


def main(
    *,
    method: str,
    queries: Path,
    features: list[Path],
    weights: Path,
    output: Path,
    threads: int,
    tokens: list[Path] | None = None,
    phi: Path | None = None,
    reference_captions: list[Path] | None = None,
    concepts: Path | None = None,
    prompt: str | None = None,
    text_prompt: str = "{caption}",
    caption_order: Literal["both", "given", "reversed"] | None = None,
    device: str = "auto",
) -> None:
    """Write the L2-normalised query features, in the order of the queries.

    Args:
        method: Name of the method, as in the configuration.
        queries: Queries of a benchmark.
        features: Feature files of the image set that holds the references.
        weights: Weights of the backbone.
        output: Parquet file to write.
        threads: Threads for torch.
        tokens: Token files of the references, for methods that need them.
        phi: The mapping network, for methods that need it.
        reference_captions: Generated captions of the references, for methods that need them.
        concepts: Nearest concepts of the image set, for methods that name the reference's.
        prompt: The benchmark's own prompt, with `$` for the pseudo token and `{caption}`, in place of the method's.
        text_prompt: The benchmark's prompt without a pseudo token, for the baselines that read the words alone.
        caption_order: The benchmark's own way of joining several captions, in place of the method's.
        device: auto, cpu or cuda.
    """
    composer = methods.load(method)
    table = files.read_table(queries, ["query_id", "reference_id", "captions", "full_caption"])
    references: list[str] = table["reference_id"].to_pylist()
    inputs = methods.Inputs(
        table["query_id"].to_pylist(),
        table["captions"].to_pylist(),
        table["full_caption"].to_pylist(),
        lambda: load_features(features, references)[1],
        lambda: _tokens(method, tokens, references),
        lambda: _phi(method, phi, threads, device),
        lambda: _backbone(weights, threads, device),
        prompt=prompt,
        text_prompt=text_prompt,
        caption_order=caption_order,
        read_reference_captions=lambda: _reference_captions(method, reference_captions, references),
        read_reference_concepts=lambda: _concepts(method, concepts, references),
    )
    composed = composer.compose(inputs)
    broken = np.flatnonzero(~np.isfinite(composed).all(axis=1))
    if len(broken):
        first = inputs.query_ids[int(broken[0])]
        raise CirqueError(f"{method}: the features of {len(broken)} queries are not finite (first: {first})")
    vectors.write(output, inputs.query_ids, composed, schemas.query_features(composed.shape[1]))
    say(f"{method}: {len(composed)} queries of {composed.shape[1]} dimensions")


def _tokens(method: str, paths: list[Path] | None, references: list[str]) -> np.ndarray:
    """Pseudo tokens of the references."""
    if not paths:
        raise CirqueError(f"{method} needs pseudo tokens: give --tokens, or `needs: [tokens]` in the configuration")
    return vectors.take(*vectors.read(paths, "image_id", "token"), references, "reference", "pseudo token")


def _reference_captions(method: str, paths: list[Path] | None, references: list[str]) -> list[str]:
    """Generated captions of the references."""
    if not paths:
        raise CirqueError(
            f"{method} needs captions of the references: give --reference-captions, or `needs: [captions]` in the"
            " configuration"
        )
    return generated_captions.load(paths, references)


def _concepts(method: str, path: Path | None, references: list[str]) -> list[str]:
    """The nearest concept of each reference."""
    if path is None:
        raise CirqueError(f"{method} names the references' concepts: give --concepts")
    return [first for (first,) in association.read_nearest(path, references, 1)]


def _phi(method: str, path: Path | None, threads: int, device: str) -> "Phi":
    """The mapping network."""
    if path is None:
        raise CirqueError(f"{method} needs φ: give --phi, or `needs: [phi]` in the configuration")
    from cirque import devices  # noqa: PLC0415  (torch is for the methods that ask for it)
    from cirque.networks import phi as networks  # noqa: PLC0415

    return networks.load(path, devices.prepare(threads, device))


def _backbone(weights: Path, threads: int, device: str) -> "Backbone":
    """The backbone."""
    from cirque import devices  # noqa: PLC0415  (torch is for the methods that ask for it)
    from cirque.encoders import backbones  # noqa: PLC0415  (torch is for the methods that ask for it)

    return backbones.load(weights, devices.prepare(threads, device))
