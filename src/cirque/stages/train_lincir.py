"""Train the mapping network φ on captions alone, as LinCIR does."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cirque import devices
from cirque.encoders import backbones
from cirque.encoders.features import OK, load_features
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError, listed
from cirque.evaluation import ranking
from cirque.progress import say
from cirque.store import files, provenance, schemas, vectors
from cirque.trainers import lincir as lincir_training
from cirque.training import record as phi_record

#: Columns of schemas.CAPTIONS that training reads.
CAPTION_COLUMNS = ("caption_id", "caption", "words", "pos")


def main(
    *,
    captions: list[Path],
    caption_features: list[Path],
    weights: Path,
    settings: lincir_training.Settings,
    seed: int,
    work: Path,
    output: Path,
    training_log: Path,
    threads: int,
    image_features: list[Path] | None = None,
    validation_queries: Path | None = None,
    validation_gallery: Path | None = None,
    validation_features: list[Path] | None = None,
    device: str = "auto",
    seconds_between_saves: float = 60.0,
) -> None:
    """Write φ and the losses of its training; a training that was cut off goes on from its last saved step.

    Args:
        captions: Tagged captions of all parts of all corpora.
        caption_features: Their text features by the same backbone, in the same order.
        weights: Weights of the backbone.
        settings: What φ reads, masking, noise, optimisation and selection.
        seed: Seed of everything random.
        work: Folder for the state of an unfinished training; removed at the end.
        output: Safetensors file to write; its description goes beside it, with the ending .json.
        training_log: Parquet file to write: mean losses of each hundred steps, and R@1 of each validation.
        threads: Threads for torch.
        image_features: Feature files of the captions' images, image after image as caption after caption, for the input
            image; an image that failed takes its caption with it.
        validation_queries: Queries with targets (CIRR's val) by which the selection `best` chooses.
        validation_gallery: Their gallery.
        validation_features: Feature files of the image set that holds gallery and references.
        device: auto, cpu or cuda.
        seconds_between_saves: How many seconds of training a kill may cost.
    """
    where = devices.prepare(threads, device)
    backbone = backbones.load(weights, where)
    corpus = _corpus(captions, caption_features)
    inputs, validation = [*captions, *caption_features, weights], None
    if settings.input == "image":
        if not image_features:
            raise CirqueError("train_lincir: the input is image: give --image-features, or --input text")
        corpus = _with_images(corpus, captions, image_features)
        inputs += image_features
    if settings.selection == "best":
        if validation_queries is None or validation_gallery is None or not validation_features:
            raise CirqueError(
                "train_lincir: the selection is best: give --validation-queries, --validation-gallery and"
                " --validation-features, or --selection last"
            )
        inputs += [validation_queries, validation_gallery, *validation_features]
        validation = _validation(validation_queries, validation_gallery, validation_features, backbone)
    own = provenance.fingerprint("train_lincir", inputs, settings=asdict(settings), seed=seed, device=where.type)
    network, log = lincir_training.train(
        lincir_training.MaskedCaptions(backbone, corpus, settings, seed=seed),
        settings,
        seed=seed,
        state_path=work / f"{own}.safetensors",
        seconds_between_saves=seconds_between_saves,
        validation=validation,
    )
    phi_record.keep(
        network,
        log,
        lincir_training.LOSSES,
        weights=weights,
        seed=seed,
        settings=asdict(settings),
        told={"n_captions": corpus.captions.num_rows, "selection": _selection(settings, log)},
        output=output,
        training_log=training_log,
        work=work,
    )


def _selection(settings: lincir_training.Settings, log: list[dict[str, Any]]) -> dict[str, Any]:
    """Which step's network was kept, and by what result."""
    if settings.selection == "last":
        return {"rule": "last", "step": settings.steps}
    best = lincir_training.best_validation(log)
    return {"rule": "best", "step": best["step"], lincir_training.RECALL: best["value"]}


def _corpus(captions: list[Path], caption_features: list[Path]) -> lincir_training.Corpus:
    """Captions of all parts beside their features, file by file, so that no more than one file is held twice."""
    if len(captions) != len(caption_features):
        raise CirqueError(
            f"{len(captions)} files of captions and {len(caption_features)} of their features; give the same parts of"
            " both, in the same order"
        )
    tables = [files.read_table(path, CAPTION_COLUMNS) for path in captions]
    whole = pa.concat_tables(tables).combine_chunks()  # rows are taken in any order: chunks would be searched each time
    _require_unique(whole["caption_id"], captions)
    features = np.zeros((0, 0), dtype=np.float32)
    filled = 0
    for table, path, feature_path in zip(tables, captions, caption_features, strict=True):
        if not table.num_rows:
            continue
        ids, block = vectors.read([feature_path], "caption_id", "feature")
        if ids != table["caption_id"].to_pylist():
            raise CirqueError(
                f"{feature_path}: its captions are not those of {path}; delete it and run Snakemake again"
            )
        if not filled:
            features = np.empty((whole.num_rows, block.shape[1]), dtype=np.float32)
        if block.shape[1] != features.shape[1]:
            raise CirqueError(
                f"{feature_path}: features of {block.shape[1]} dimensions, but {caption_features[0]} has"
                f" {features.shape[1]}: they are of different backbones"
            )
        features[filled : filled + len(block)] = block
        filled += len(block)
    if not filled:
        raise CirqueError(f"no caption in {listed(captions)}; there is nothing to learn from")
    return lincir_training.Corpus(whole, features)


def _with_images(
    corpus: lincir_training.Corpus, captions: list[Path], image_features: list[Path]
) -> lincir_training.Corpus:
    """Captions beside the features of their images, in the order of both; a failed image takes its caption with it."""
    statuses = files.read_tables(image_features, ["status"])["status"]
    if len(statuses) != corpus.captions.num_rows:
        raise CirqueError(
            f"{corpus.captions.num_rows:,} captions in {listed(captions)} for {len(statuses):,} images in"
            f" {listed(image_features)}; the corpus must be the list of these images, a caption for each"
        )
    usable = pc.equal(statuses, OK).to_numpy()
    n_failed = int((~usable).sum())
    say(f"φ: {len(usable):,} images with captions, {n_failed:,} of them failed and left out")
    captions_left = corpus.captions.filter(pa.array(usable)).combine_chunks()
    return lincir_training.Corpus(captions_left, corpus.features[usable], load_features(image_features)[1])


def _require_unique(caption_ids: pa.ChunkedArray, paths: list[Path]) -> None:
    """Refuse captions of one name: their noise and masking would be the same."""
    counts = pc.value_counts(caption_ids)
    twice = pc.filter(pc.struct_field(counts, "values"), pc.greater(pc.struct_field(counts, "counts"), 1))
    if len(twice):
        raise CirqueError(
            f"{len(twice)} caption_ids occur twice ({listed(twice.to_pylist())}) in {listed(paths)}; give every part"
            " of every corpus a name of its own"
        )


def _validation(
    queries: Path, gallery: Path, features: list[Path], backbone: backbones.Backbone
) -> lincir_training.Validation:
    """Validation queries with the features of their references, and the gallery."""
    rows = files.read_table(queries, schemas.QUERIES.names).to_pylist()
    references = load_features(features, [row["reference_id"] for row in rows])[1]
    candidates = files.read_table(gallery, ["image_id", "group"])
    ids = candidates["image_id"].to_pylist()
    inputs = Queries([row["query_id"] for row in rows], [row["captions"] for row in rows], [None] * len(rows))
    groups = [group or "" for group in candidates["group"].to_pylist()]
    compared = ranking.normalise(load_features(features, ids)[1], ids)
    return lincir_training.Validation(rows, inputs, backbone, references, ranking.Gallery(ids, compared, groups))
