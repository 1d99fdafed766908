"""Train PALAVRA's networks on captioned images."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cirque import devices
from cirque.data import image_lists
from cirque.datasets import cc3m
from cirque.encoders import backbones
from cirque.encoders.features import OK
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files, provenance, vectors
from cirque.texts import captions as cleaning
from cirque.texts import concepts, object_words
from cirque.trainers import palavra as palavra_training
from cirque.training import record as phi_record


def main(
    *,
    features: list[Path],
    titles: Path,
    captions: list[Path],
    caption_features: list[Path],
    vocabulary: Path,
    weights: Path,
    n_pairs: int,
    settings: palavra_training.Settings,
    seed: int,
    work: Path,
    output: Path,
    training_log: Path,
    threads: int,
    device: str = "auto",
    seconds_between_saves: float = 60.0,
) -> None:
    """Write the networks and the losses of their training; one that was cut off goes on from its last saved step.

    Args:
        features: Feature files of the image set, in its order; images that failed are left out.
        titles: The list of the set's images with the caption of each.
        captions: Tagged captions of the corpus.
        caption_features: Their text features by the same backbone, in the same order.
        vocabulary: Concept names, which stand for the words of captions in turn.
        weights: Weights of the backbone.
        n_pairs: Images with their captions to read at most, from the first on.
        settings: Networks, losses and optimisation.
        seed: Seed of everything random.
        work: Folder for the state of an unfinished training; removed at the end.
        output: Safetensors file to write; its description goes beside it, with the ending .json.
        training_log: Parquet file to write: mean losses of each epoch.
        threads: Threads for torch.
        device: auto, cpu or cuda.
        seconds_between_saves: How many seconds of training a kill may cost.
    """
    where = devices.prepare(threads, device)
    backbone = backbones.load(weights, where)
    image_ids, images, n_failed = _first_images(features, n_pairs)
    (folder,) = cc3m.image_folders("train")
    said = dict(image_lists.read(titles, folder, cc3m.DOCS))
    pairs, n_without = _pairs(image_ids, images, said, captions, caption_features)
    say(f"palavra: {len(images):,} images, {n_failed} further ones failed, {n_without} have no caption: left out")
    words = object_words.find(pairs.captions, settings.n_words)
    say(f"palavra: {len(words.names):,} words, from {words.names[0]!r} to {words.names[-1]!r}")
    names = object_words.names_of_words(concepts.read_vocabulary(vocabulary), words.names, backbone)
    inputs = [*features, titles, *captions, *caption_features, vocabulary, weights]
    read = asdict(settings) | {"n_pairs": n_pairs}
    own = provenance.fingerprint("train_palavra", inputs, settings=read, seed=seed, device=where.type)
    network, log = palavra_training.train(
        palavra_training.Examples(pairs, words, names, settings, seed),
        backbone,
        settings,
        seed=seed,
        state_path=work / f"{own}.safetensors",
        seconds_between_saves=seconds_between_saves,
    )
    phi_record.keep(
        network,
        log,
        palavra_training.LOSSES,
        weights=weights,
        seed=seed,
        settings=read,
        told={"n_pairs": len(pairs.images), "n_failed": n_failed, "n_without_caption": n_without, "words": words.names},
        output=output,
        training_log=training_log,
        work=work,
    )


# ---- images and their captions -------------------------------------------------------------------------------------


def _first_images(paths: list[Path], n_images: int) -> tuple[list[str], NDArray[np.float32], int]:
    """The first images that have a feature, these normalised [n, dim], and how many among the first have none."""
    if n_images < 1:
        raise CirqueError(f"train_palavra: n_pairs is {n_images}; give at least 1")
    tables: list[pa.Table] = []
    for path in paths:
        if sum(table.num_rows for table in tables) < n_images:  # files behind the last image are not opened
            tables.append(files.read_table(path))
    table = pa.concat_tables(tables).slice(0, n_images)
    good = table.filter(pc.equal(table["status"], OK))
    dim = table.schema.field("feature").type.list_size
    blocks = [np.zeros(0, np.float32), *(chunk.flatten().to_numpy() for chunk in good["feature"].chunks)]
    features = np.concatenate(blocks).reshape(-1, dim)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    names = good["image_id"].to_pylist()
    broken = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0))[:, 0])
    if len(broken):
        raise CirqueError(f"{paths[0].parent}: the feature of {names[broken[0]]} is zero or not finite; make it anew")
    return names, features / lengths, table.num_rows - good.num_rows


def _pairs(
    image_ids: list[str],
    images: NDArray[np.float32],
    titles: dict[str, str],
    captions: list[Path],
    caption_features: list[Path],
) -> tuple[palavra_training.Pairs, int]:
    """Images beside their captions, and how many have none in the corpus.

    An image is paired by its caption's words: links that rotted have put images and captions out of step.
    """
    wanted = [cleaning.clean(titles.get(name)) for name in image_ids]
    table, features = _captions(set(wanted) - {""}, captions, caption_features)
    rows = {caption: row for row, caption in enumerate(table["caption"].to_pylist())}
    paired = [place for place, caption in enumerate(wanted) if caption in rows]
    if not paired:
        raise CirqueError(
            f"{captions[0].parent}: holds the caption of none of the {len(image_ids):,} images; give the corpus that"
            " the images belong to"
        )
    chosen = [rows[wanted[place]] for place in paired]
    whole = table.take(chosen).combine_chunks()
    return palavra_training.Pairs(images[paired], whole, features[chosen]), len(image_ids) - len(paired)


def _captions(
    wanted: set[str], captions: list[Path], caption_features: list[Path]
) -> tuple[pa.Table, NDArray[np.float32]]:
    """The wanted ones of all captions, each text once, and their features [n, dim], file by file."""
    if len(captions) != len(caption_features):
        raise CirqueError(
            f"{len(captions)} files of captions and {len(caption_features)} of their features; give the same parts of"
            " both, in the same order"
        )
    missing, tables, blocks = set(wanted), [], []
    for path, feature_path in zip(captions, caption_features, strict=True):
        table = files.read_table(path, ["caption_id", "caption", "words", "pos"])
        rows = []
        for row, caption in enumerate(table["caption"].to_pylist()):
            if caption in missing:
                missing.remove(caption)
                rows.append(row)
        tables.append(table.take(pa.array(rows, pa.int64())))
        if rows:
            ids, array = vectors.read([feature_path], "caption_id", "feature")
            own = tables[-1]["caption_id"].to_pylist()
            blocks.append(vectors.take(ids, array, own, "caption", f"feature in {feature_path}"))
        if not missing:
            break
    return pa.concat_tables(tables), np.concatenate(blocks) if blocks else np.zeros((0, 0), np.float32)
