"""Memory of the stages whose jobs grow with the data: `python benchmarks/memory.py [stage …]`.

Each stage runs on drawn files of two sizes, in a process of its own. What the larger run holds beyond the smaller,
divided by what it has more, is a job's memory an item; what is left over is what a job holds without data. Both are
printed beside what `src/cirque/plan/memory.py` states.

Files are of the real form (`drawn_files.py`), and a tower of one layer stands in: weights and activations are no part
of the slope. What writes block by block (features of captions and phrases, rankings of galleries on disk) holds a
block, whatever comes after.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import drawn_files as drawn
import host_time
import numpy as np
import tyro

from cirque.plan.memory import MEMORY, MIB
from cirque.store import files, schemas, vectors

#: Images for each concept, as SEARLE's φ has them: 100,000 for 20,932.
IMAGES_OF_A_CONCEPT = 5

#: Words of a stage's command, and how many items its job holds.
Drawn = tuple[list[object], float]


@dataclass(frozen=True)
class Subject:
    """How a stage's files are drawn, and two sizes far enough apart."""

    draw: Callable[[Path, int], Drawn]
    sizes: tuple[int, int]


# ---- stages --------------------------------------------------------------------------------------------------------


def command(stage: str, /, *positional: str, **options: object) -> list[object]:
    """Words of a stage's command."""
    words: list[object] = [stage, *positional]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", *(value if isinstance(value, list) else [value])]
    return words


def list_images(folder: Path, n: int) -> Drawn:
    """An image set out of its list."""
    drawn.draw_captioned_images(folder, ["a caption of ten words or so, as they are"] * n)
    of_set = {"dataset": "cc12m", "split": "train", "image_set": "cc12m", "n_images": n, "shard_size": 50_000}
    return command("list_images", **of_set, data_root=folder, output=folder / "images.parquet"), n


def shard_images(folder: Path, n: int) -> Drawn:
    """A small shard of a set of n images."""
    drawn.draw_pictures(folder, 100)
    images = drawn.draw_manifest(folder, n, 100)
    return command("shard_images", images=images, shard=0, data_root=folder, output=folder / "00000.tar"), n


def extract_features(folder: Path, n: int, n_of_set: int | None = None) -> Drawn:
    """Features of n images of a set of as many, or of more."""
    drawn.draw_pictures(folder, n)
    images, weights = drawn.draw_manifest(folder, n_of_set or n, n), drawn.draw_weights(folder)
    read = {"shards_of_part": drawn.draw_shards(folder, images), "images": images, "weights": weights}
    own = {"preprocess": "clip", "max_failed": 0}
    return command("extract_features", **read, **own, output=folder / "out.parquet"), n


def extract_features_of_a_set(folder: Path, n: int) -> Drawn:
    """A few features of a set of n images."""
    return extract_features(folder, 100, n)[0], n


def associate_concepts(folder: Path, n: int) -> Drawn:
    """Concepts of n images."""
    names = [f"concept number {i}" for i in range(1000)]
    array = np.random.default_rng(1).standard_normal((len(names), drawn.DIM), dtype=np.float32)
    concepts = folder / "concepts.parquet"
    vectors.write(concepts, names, array, schemas.concept_features(drawn.DIM))
    given = {"features": drawn.draw_features(folder, n), "concept_features": concepts}
    stored = {"n_stored": drawn.CONCEPTS_STORED, "max_failed": 0}
    return command("associate_concepts", **given, **stored, output=folder / "out.parquet"), n


def invert_images(folder: Path, n: int) -> Drawn:
    """OTI of half as many images as there are concepts, n, of which each is one of some image's."""
    names, phrases, phrase_features = drawn.draw_phrases(folder, n)
    images = drawn.image_names(n * IMAGES_OF_A_CONCEPT)
    (features,) = drawn.draw_features(folder, n // 2)
    concepts, weights = drawn.draw_concepts(folder, images, names), drawn.draw_weights(folder)
    read = {"features": features, "concepts": concepts, "phrases": phrases, "phrase_features": phrase_features}
    call = oti(folder, steps=2, batch=32, weights=weights, **read)
    return call, drawn.sizes_of(features, concepts, *phrases, *phrase_features)


def invert_a_batch(folder: Path, n: int) -> Drawn:
    """OTI of two batches of the papers' size in n steps, by a tower that takes next to no time."""
    n_of_batch, (names, phrases, phrase_features) = 500, drawn.draw_phrases(folder, 512)
    (features,) = drawn.draw_features(folder, 2 * n_of_batch)
    concepts = drawn.draw_concepts(folder, drawn.image_names(2 * n_of_batch), names)
    read = {"features": features, "concepts": concepts, "phrases": phrases, "phrase_features": phrase_features}
    call = oti(folder, steps=n, batch=n_of_batch, weights=drawn.draw_weights(folder, drawn.NARROW), **read)
    return call, n * n_of_batch


def oti(folder: Path, **own: object) -> list[object]:
    """An inversion's command."""
    usual = {"learning_rate": 0.02, "weight_decay": 0.01, "init_std": 0.02, "ema_decay": 0.99, "n_concepts": 15}
    losses = {"lambda_cos": 1.0, "lambda_gpt": 0.5, "replace": "first", "regulariser": "phrases"}
    here = {"seed": 0, "work": folder / "work", "output": folder / "tokens.parquet", "threads": 2}
    return command("invert_images", "oti", **usual, **losses, **here, **own)


def tag_captions(folder: Path, n: int) -> Drawn:
    """A part of n captions; the tagger is the mini scale's."""
    corpus, model = folder / "corpus.txt", folder / "tagger"
    lines = [" ".join(words) for words in host_time.texts(np.random.default_rng(0), n, host_time.CAPTION_WORDS)]
    corpus.write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = {"width": 48, "depth": 2, "embed_size": 500, "epochs": 4, "batch": 32, "dropout": 0.1}
    sentences = {"learning_rate": 0.002, "n_sentences": 1500, "n_held_out": 500, "seed": 0}
    peak(command("train_tagger", **settings, **sentences, output=model))
    given = {"corpus": corpus, "name": "drawn", "kind": "text", "model": model, "part": 0, "n_parts": 1}
    return command("tag_captions", **given, context_length=77, threads=1, output=folder / "out.parquet"), n


def train(folder: Path, trainer: str, text_width: int = drawn.DIM, /, **own: object) -> list[object]:
    """A training's command."""
    files_of_it = {
        "weights": drawn.draw_weights(folder, text_width), "work": folder / "work",
        "output": folder / "phi.safetensors", "training_log": folder / "log.parquet",
    }  # fmt: skip
    usual = {"dropout": 0.5, "learning_rate": 0.0001, "seed": 0, "threads": 2}
    return command("train_network", trainer, **files_of_it, **usual, **own)


def train_lincir(folder: Path, n: int) -> Drawn:
    """LinCIR's φ on n captions."""
    captions = drawn.draw_captions(folder, n)
    read = {"captions": captions, "caption_features": drawn.draw_caption_features(folder, captions)}
    settings = {"input": "text", "masking": "substring", "noise": "lincir", "noise_scale": 1.0, "steps": 2, "batch": 64}
    settings |= {"weight_decay": 0.01, "validate_every": 1000, "selection": "last"}
    return train(folder, "lincir", **read, **settings), drawn.sizes_of(*captions, *read["caption_features"])


def train_pic2word(folder: Path, n: int) -> Drawn:
    """Pic2Word's φ on the features of n images, in batches that do not grow with them."""
    images = drawn.draw_features(folder, n)
    settings = {"architecture": "pic2word", "n_layers": 2, "middle_dim": 512, "epochs": 1, "warmup": 1, "batch": 1024}
    call = train(folder, "pic2word", drawn.NARROW, features=images, weight_decay=0.1, **settings)
    return call, drawn.sizes_of(*images)


def train_searle(folder: Path, n: int) -> Drawn:
    """SEARLE's φ on the phrases of n concepts and as many images as there are of them, in 160 steps whatever n is."""
    names, phrases, phrase_features = drawn.draw_phrases(folder, n)
    images = drawn.draw_features(folder, n * IMAGES_OF_A_CONCEPT)
    image_ids = drawn.image_names(n * IMAGES_OF_A_CONCEPT)
    read = {"features": images, "tokens": drawn.draw_vectors(folder / "tokens", image_ids, "image_id", "token")}
    read |= {"phrases": phrases, "phrase_features": phrase_features}
    concepts = drawn.draw_concepts(folder, image_ids, names)
    # As many steps for each size: of more batches the largest is larger.
    optimised = {"epochs": 1_024 // n, "batch": 32, "weight_decay": 0.01}
    losses = {"lambda_distil": 1.0, "lambda_gpt": 0.75, "temperature": 0.25, "loss": "released"}
    of_phrases = {"n_concepts": 150, "replace": "all"}
    call = train(folder, "searle", **read, concepts=concepts, **optimised, **losses, **of_phrases)
    return call, drawn.sizes_of(concepts, *(path for paths in read.values() for path in paths))


def train_palavra(folder: Path, n: int) -> Drawn:
    """PALAVRA's networks on n images and their captions."""
    captions = drawn.draw_captions(folder, n)
    texts = files.read_tables(captions, ["caption"])["caption"].to_pylist()
    read = {"features": drawn.draw_features(folder, n), "captions": captions}
    read |= {"caption_features": drawn.draw_caption_features(folder, captions)}
    titles = drawn.draw_list(folder / "titles.csv", texts)
    vocabulary = drawn.draw_vocabulary(folder, [f"concept number {i}" for i in range(100)])
    settings = {"n_pairs": n, "n_words": 50, "set_size": 5, "width": 64, "epochs": 1, "batch": 25, "temperature": 0.25}
    rates = {"alignment_rate": 0.0001, "lambda_gt": 512, "decay": 0.2, "decay_every": 200, "schedule": "released"}
    call = train(folder, "palavra", **read, titles=titles, vocabulary=vocabulary, **settings, **rates)
    return call, drawn.sizes_of(titles, *(path for paths in read.values() for path in paths))


def train_combiner(folder: Path, n: int) -> Drawn:
    """A Combiner on the triplets of n images, in batches that do not grow with them."""
    read = {"features": drawn.draw_features(folder, n), "triplets": drawn.draw_triplets(folder, drawn.image_names(n))}
    settings = {"projection_dim": 64, "hidden_dim": 64, "epochs": 1, "batch": 512, "scale": 100.0}
    return train(folder, "combiner", drawn.NARROW, **read, **settings), n


def finetune_backbone(folder: Path, n: int) -> Drawn:
    """Fine-tuning on n captioned pictures, in batches that do not grow with them."""
    texts = host_time.texts(np.random.default_rng(0), n, host_time.CAPTION_WORDS)
    drawn.draw_captioned_images(folder, [" ".join(words) for words in texts])
    images = drawn.draw_manifest(folder, n, drawn.ROWS_OF_A_PART)
    shards = drawn.draw_shards(folder, images, n // drawn.ROWS_OF_A_PART)
    read = {"images": images, "shards": shards, "features": drawn.draw_features(folder, n)}
    base = drawn.draw_weights(folder, drawn.NARROW)
    of_set = {"dataset": "cc12m", "split": "train", "data_root": folder, "preprocess": "clip"}
    settings = {"epochs": 1, "batch": 256, "learning_rate": 0.00001, "weight_decay": 0.1, "warmup": 1}
    here = {"work": folder / "work", "weights": folder / "out" / "weights.safetensors", "seed": 0, "threads": 2}
    return command("finetune_backbone", base=base, **read, **of_set, **settings, **here), n


def evaluate(folder: Path, n: int) -> Drawn:
    """Words alone beside a gallery of n images."""
    images, gallery, queries = drawn.draw_features(folder, n), folder / "gallery.parquet", folder / "queries.parquet"
    names, nowhere = drawn.image_names(n), {"group": "", "shard": 0, "crop": None}
    files.write_rows(gallery, [{"image_id": name, "key": name, **nowhere} for name in names], schemas.GALLERY)
    asked = {
        "query_id": "1", "reference_id": names[0], "captions": ["is red"], "target_ids": [names[1]], "group": "",
        "candidate_ids": None, "subset_ids": None, "tags": [], "full_caption": None,
    }  # fmt: skip
    files.write_rows(queries, [asked], schemas.QUERIES)
    run = {"method": "text-only", "composer": "text-only", "seed": 0, "bound": False, "inputs": {}}
    call = command(
        "evaluate", runs=json.dumps([run]), queries=queries, gallery=gallery, features=images, split="val",
        weights=drawn.draw_weights(folder), preprocess="clip", backbone="drawn", benchmark="drawn", metrics="R@1",
        remove_reference=False, resamples=100, bootstrap_seed=0, level=0.95, output=folder / "out", threads=2,
    )  # fmt: skip
    return call, drawn.sizes_of(*images, gallery)


SUBJECTS: Mapping[str, Subject] = {
    "list_images": Subject(list_images, (20_000, 80_000)),
    "shard_images": Subject(shard_images, (200_000, 800_000)),
    "extract_features": Subject(extract_features_of_a_set, (200_000, 800_000)),
    "extract_features, part": Subject(extract_features, (2_000, 8_000)),
    "finetune_backbone": Subject(finetune_backbone, (10_000, 100_000)),
    "associate_concepts": Subject(associate_concepts, (5_000, 20_000)),
    "tag_captions": Subject(tag_captions, (10_000, 40_000)),
    "invert_images oti": Subject(invert_images, (256, 1_024)),
    "invert_images oti, batch": Subject(invert_a_batch, (20, 100)),
    "train_network searle": Subject(train_searle, (256, 1_024)),
    "train_network lincir": Subject(train_lincir, (20_000, 120_000)),
    "train_network pic2word": Subject(train_pic2word, (20_000, 250_000)),
    "train_network palavra": Subject(train_palavra, (20_000, 100_000)),
    "train_network combiner": Subject(train_combiner, (10_000, 60_000)),
    "evaluate": Subject(evaluate, (50_000, 300_000)),
}


# ---- measuring -----------------------------------------------------------------------------------------------------


#: Starts a command and prints the peak of its memory in KiB. A process inherits the peak of the one that starts it, so
#: that a small one stands between this one, which has drawn the files, and the stage.
LAUNCHER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


def peak(call: Sequence[object]) -> float:
    """Peak memory of a stage in MiB, with the libraries that it imports."""
    words = [sys.executable, "-S", "-c", LAUNCHER, sys.executable, "-m", "cirque", *map(str, call)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{call[0]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return int(done.stdout) * 1024 / MIB


def measured(subject: Subject) -> tuple[float, float]:
    """MiB without data, and bytes an item."""
    found = []
    for n in subject.sizes:
        with tempfile.TemporaryDirectory(prefix="cirque-") as folder:
            call, n_items = subject.draw(Path(folder), n)
            found.append((n_items, peak(call)))
    (few, low), (many, high) = found
    slope = (high - low) / (many - few)
    return low - slope * few, slope * MIB


def main(stages: Annotated[tuple[str, ...], tyro.conf.Positional] = ()) -> None:
    """Print what each stage holds, beside what is stated.

    Args:
        stages: Some of them; by default all.
    """
    unknown = set(stages) - set(SUBJECTS)
    if unknown:
        sys.exit(f"no stage is called {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}")
    for name in stages or SUBJECTS:
        base, each = measured(SUBJECTS[name])
        stated = MEMORY[name]
        beside = f"stated: {stated.base:,.0f} MiB and {stated.each:,g} bytes"
        print(f"{name:24s} {base:,.0f} MiB and {each:,.2f} bytes for each of the {stated.unit} ({beside})", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
