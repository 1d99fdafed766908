"""Fine-tune a backbone, all of it, on the captioned images of an image set; torchrun shares it among GPUs."""

import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cirque import datasets, devices, precisions
from cirque.data.shard_index import ShardIndex
from cirque.encoders import backbones, extraction
from cirque.encoders.features import failures
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files, provenance, schemas
from cirque.trainers import clip as clip_training
from cirque.training import processes

#: Each image of CC3M has one caption.
TEXTS_PER_IMAGE = 1


def main(
    *,
    base: Path,
    images: Path,
    shards: list[Path],
    features: list[Path],
    dataset: str,
    split: str,
    data_root: Path,
    preprocess: str,
    settings: clip_training.Settings,
    seed: int,
    work: Path,
    weights: Path,
    threads: int,
    device: str = "auto",
    precision: precisions.WeightPrecision = "fp32",
    seconds_between_saves: float = 600.0,
) -> None:
    """Write the fine-tuned weights and their side-car; a training that was cut off goes on from its last saved step.

    Of several processes each takes its part of every batch, on a GPU of its own, and the first one writes. The state
    of an unfinished training may be taken up by another number of them.

    Args:
        base: Weights of the backbone that it starts from.
        images: images.parquet of the image set.
        shards: All of its shards.
        features: All of its feature files, of any backbone: images that failed there are left out.
        dataset: Module of cirque.datasets that the images and their captions are from.
        split: Of that data set.
        data_root: Folder of the data sets.
        preprocess: Name of the preprocessing.
        settings: How to train.
        seed: Of the order of images.
        work: Folder for the state of an unfinished training; removed at the end.
        weights: Where to write weights.safetensors; weights.json comes beside it.
        threads: Threads of torch, and as many that decode, of all processes together.
        device: auto, cpu or cuda.
        precision: What products are computed in.
        seconds_between_saves: How many seconds of training a kill may cost.
    """
    threads = max(1, threads // processes.number())
    place = devices.prepare(threads, device, precision)
    with processes.joined(place) as group:
        captions = dict(datasets.load_captioned(dataset).captions(data_root, split))
        index = ShardIndex(shards, files.read_table(images, schemas.IMAGES.names).to_pylist())
        failed = failures(features)
        chosen = _usable(index, captions, failed, str(images))
        backbone = backbones.load(base, place)
        if place.type == "cuda":
            # What the blocks of ViT-L/14 compute for a large batch does not fit into a GPU: it is computed again.
            backbone.model.set_grad_checkpointing()
        lists = [data_root / file for file in datasets.load(dataset).annotation_files(split).values()]
        own = provenance.fingerprint(
            "finetune_backbone",
            inputs=[base, images, *shards, *features, *lists],
            preprocess=preprocess,
            settings=asdict(settings),
            seed=seed,
            device=place.type,
        )
        data = clip_training.Captioned(
            # Decoded each time that they are asked for: as a whole they fit into no memory.
            lambda numbers: extraction.pixels_of(
                index, chosen[numbers].tolist(), preprocess, backbone.image_size, threads
            ),
            [[captions[index.rows[number]["image_id"]]] for number in chosen.tolist()],
        )
        state = work / f"{own}.safetensors"
        run = clip_training.Run(seed, place, backbone.mean, backbone.std, state, seconds_between_saves, group)
        losses = clip_training.train(
            backbone.model, backbone.tokenizer, data, settings, run, texts_per_image=TEXTS_PER_IMAGE
        )
    if not group.is_first:
        return
    metadata = {
        "base": {"path": str(base), "sha256": provenance.sha256(base)},
        "n_images": len(chosen),
        "n_failed": len(failed),
        "n_without_caption": len(index) - len(failed) - len(chosen),
        "preprocess": preprocess,
        "settings": asdict(settings),
        "losses": losses,
    }
    backbones.save(
        backbone.model,
        weights,
        encoder="clip",
        name=backbone.name,
        config=backbones.read_side_car(base, "clip")["config"],
        source="finetuned",
        seed=seed,
        mean=backbone.mean,
        std=backbone.std,
        metadata=metadata,
    )
    shutil.rmtree(work, ignore_errors=True)


def _usable(index: ShardIndex, captions: Mapping[str, str], failed: Collection[str], where: str) -> NDArray[np.int64]:
    """Numbers of the images that decode and have a caption; says how many have none."""
    names = [row["image_id"] for row in index.rows]
    unlisted = [name for name in names if name not in captions]
    if unlisted:
        raise CirqueError(
            f"{where}: {len(unlisted):,} of its {len(names):,} images have no caption in the data set's list (first:"
            f" {unlisted[0]}); the two are of different lists, run Snakemake again"
        )
    decoded = [number for number, name in enumerate(names) if name not in failed]
    chosen = [number for number in decoded if captions[names[number]].strip()]
    say(
        f"{len(chosen):,} pairs; {len(names) - len(decoded):,} images failed and {len(decoded) - len(chosen):,} have an"
        " empty caption, all left out"
    )
    return np.array(chosen, dtype=np.int64)
