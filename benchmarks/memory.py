"""Memory of the stages whose jobs grow with the data: `python benchmarks/memory.py [stage …]`.

Each stage runs on drawn files of two sizes, in a process of its own. What the larger run holds beyond the smaller,
divided by what it has more, is a job's memory an item; what is left over is what a job holds without data. Both are
printed beside what `src/cirque/plan/memory.py` states.

Files are of the real form: features of 768 numbers, captions and phrases of the real lengths, paths like CC12M's.
Pictures are small, and a tower of one layer stands in: weights and activations are no part of the slope. What writes
block by block (features of captions and phrases, rankings of galleries on disk) holds a block, whatever comes after.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated

import host_time
import numpy as np
import tyro
from PIL import Image

from cirque.data import shards
from cirque.encoders import backbones, features
from cirque.plan.memory import MEMORY, MIB
from cirque.store import files, schemas, vectors

DIM = host_time.DIM
CONCEPTS_STORED = 250

#: Images or captions of a file.
ROWS_OF_A_PART = 5_000

#: Words of a stage's command, and how many items its job holds.
Drawn = tuple[list[object], float]


@dataclass(frozen=True)
class Subject:
    """How a stage's files are drawn, and two sizes far enough apart."""

    draw: Callable[[Path, int], Drawn]
    sizes: tuple[int, int]


# ---- files ---------------------------------------------------------------------------------------------------------


def image_names(n: int) -> list[str]:
    """Paths below a data set's folder, as long as CC12M's."""
    return [f"cc_data/train/{i // 1000:06d}/{i:010d}.jpg" for i in range(n)]


def draw_weights(folder: Path) -> Path:
    """Weights of ViT-L/14's dimensions over one layer."""
    path, backbone = folder / "weights.safetensors", host_time.small_backbone()
    backbones.save(
        backbone.model, path, encoder="clip", name=backbone.name, config=host_time.CONFIG, source="random", seed=0
    )
    return path


def draw_manifest(folder: Path, n: int, shard_size: int) -> Path:
    """images.parquet of an image set."""
    path = folder / "images.parquet"
    rows = shards.assign([(name, f"cc12m/{name}") for name in image_names(n)], "cc12m", shard_size)
    files.write_rows(path, rows, schemas.IMAGES)
    return path


def draw_pictures(folder: Path, n: int) -> None:
    """Files of the first images of a set: one small JPEG under many names."""
    stream = BytesIO()
    Image.new("RGB", (32, 32)).save(stream, "JPEG")
    for name in image_names(n):
        path = folder / "cc12m" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stream.getvalue())


def draw_shard(folder: Path, images: Path) -> Path:
    """The first shard of a set."""
    rows = shards.read_rows(images, 0)
    draw_pictures(folder, len(rows))
    shards.write_shard(folder / "00000.tar", rows, folder)
    return folder / "00000.tar"


def draw_features(folder: Path, n: int) -> list[Path]:
    """Features of n images, a file a part: what is held of one file while it is read is no part of the slope."""
    names, paths = image_names(n), []
    for start in range(0, n, ROWS_OF_A_PART):
        own = names[start : start + ROWS_OF_A_PART]
        paths.append(folder / "features" / f"{start:07d}.parquet")
        array = np.random.default_rng(start).standard_normal((len(own), DIM), dtype=np.float32)
        features.write_features(paths[-1], own, [features.OK] * len(own), array)
    return paths


def draw_captions(folder: Path, n: int) -> list[Path]:
    """Tagged captions, a file a part."""
    whole, paths = host_time.captions(np.random.default_rng(0), n).captions, []
    for start in range(0, n, ROWS_OF_A_PART):
        paths.append(folder / "captions" / f"{start:07d}.parquet")
        files.write_table(paths[-1], whole.slice(start, ROWS_OF_A_PART), schemas.CAPTIONS)
    return paths


def sizes_of(*paths: Path) -> float:
    """Bytes of the files that a job reads."""
    return float(sum(path.stat().st_size for path in paths))


# ---- stages --------------------------------------------------------------------------------------------------------


def command(stage: str, /, *positional: str, **options: object) -> list[object]:
    """Words of a stage's command."""
    words: list[object] = [stage, *positional]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", *(value if isinstance(value, list) else [value])]
    return words


def list_images(folder: Path, n: int) -> Drawn:
    """An image set out of its list."""
    draw_pictures(folder, n)
    lines = [f"a caption of ten words or so, as they are\t{name}" for name in image_names(n)]
    source = folder / "cc12m/cc/Train_cc12m_output.csv"
    source.parent.mkdir(parents=True)
    source.write_text("\n".join(["title\tfilepath", *lines]) + "\n", encoding="utf-8")
    of_set = {"dataset": "cc12m", "split": "train", "image_set": "cc12m", "n_images": n, "shard_size": 50_000}
    return command("list_images", **of_set, data_root=folder, output=folder / "images.parquet"), n


def shard_images(folder: Path, n: int) -> Drawn:
    """A small shard of a set of n images."""
    draw_pictures(folder, 100)
    images = draw_manifest(folder, n, 100)
    return command("shard_images", images=images, shard=0, data_root=folder, output=folder / "00000.tar"), n


def extract_features(folder: Path, n: int, n_of_set: int | None = None) -> Drawn:
    """Features of n images of a set of as many, or of more."""
    images, weights = draw_manifest(folder, n_of_set or n, n), draw_weights(folder)
    of_part = {"shards_of_part": draw_shard(folder, images), "images": images, "preprocess": "clip", "max_failed": 0}
    return command("extract_features", **of_part, weights=weights, output=folder / "out.parquet"), n


def extract_features_of_a_set(folder: Path, n: int) -> Drawn:
    """A few features of a set of n images."""
    return extract_features(folder, 100, n)[0], n


def associate_concepts(folder: Path, n: int) -> Drawn:
    """Concepts of n images."""
    names = [f"concept number {i}" for i in range(1000)]
    array = np.random.default_rng(1).standard_normal((len(names), DIM), dtype=np.float32)
    concepts = folder / "concepts.parquet"
    vectors.write(concepts, names, array, schemas.concept_features(DIM))
    given = {"features": draw_features(folder, n), "concept_features": concepts, "n_stored": CONCEPTS_STORED}
    return command("associate_concepts", **given, max_failed=0, output=folder / "out.parquet"), n


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


def train(folder: Path, trainer: str, **own: object) -> list[object]:
    """A training's command."""
    files_of_it = {
        "weights": draw_weights(folder), "work": folder / "work", "output": folder / "phi.safetensors",
        "training_log": folder / "log.parquet",
    }  # fmt: skip
    usual = {"weight_decay": 0.01, "dropout": 0.5, "learning_rate": 0.0001, "seed": 0, "threads": 2}
    return command("train_network", trainer, **files_of_it, **usual, **own)


def train_lincir(folder: Path, n: int) -> Drawn:
    """LinCIR's φ on n captions."""
    captions, of_captions = draw_captions(folder, n), []
    for path in captions:
        ids = files.read_table(path, ["caption_id"])["caption_id"].to_pylist()
        of_captions.append(folder / "caption_features" / path.name)
        array = np.random.default_rng(0).standard_normal((len(ids), DIM), dtype=np.float32)
        vectors.write(of_captions[-1], ids, array, schemas.vectors("caption_id", "feature", DIM))
    settings = {"input": "text", "masking": "substring", "noise": "lincir", "noise_scale": 1.0, "steps": 2, "batch": 64}
    settings |= {"validate_every": 1000, "selection": "last"}
    call = train(folder, "lincir", captions=captions, caption_features=of_captions, **settings)
    return call, sizes_of(*captions, *of_captions)


def train_pic2word(folder: Path, n: int) -> Drawn:
    """Pic2Word's φ on the features of n images, in as many steps of batches that do not grow with them."""
    images = draw_features(folder, n)
    settings = {"architecture": "pic2word", "n_layers": 2, "middle_dim": 512, "epochs": 1, "warmup": 1, "batch": 1024}
    return train(folder, "pic2word", features=images, **settings), sizes_of(*images)


def evaluate(folder: Path, n: int) -> Drawn:
    """Words alone beside a gallery of n images."""
    images, gallery, queries = draw_features(folder, n), folder / "gallery.parquet", folder / "queries.parquet"
    names, nowhere = image_names(n), {"group": "", "shard": 0, "crop": None}
    files.write_rows(gallery, [{"image_id": name, "key": name, **nowhere} for name in names], schemas.GALLERY)
    asked = {
        "query_id": "1", "reference_id": names[0], "captions": ["is red"], "target_ids": [names[1]], "group": "",
        "candidate_ids": None, "subset_ids": None, "tags": [], "full_caption": None,
    }  # fmt: skip
    files.write_rows(queries, [asked], schemas.QUERIES)
    run = {"method": "text-only", "composer": "text-only", "seed": 0, "bound": False, "inputs": {}}
    call = command(
        "evaluate", runs=json.dumps([run]), queries=queries, gallery=gallery, features=images, split="val",
        weights=draw_weights(folder), preprocess="clip", backbone="drawn", benchmark="drawn", metrics="R@1",
        remove_reference=False, resamples=100, bootstrap_seed=0, level=0.95, output=folder / "out", threads=2,
    )  # fmt: skip
    return call, sizes_of(*images, gallery)


SUBJECTS: Mapping[str, Subject] = {
    "list_images": Subject(list_images, (20_000, 80_000)),
    "shard_images": Subject(shard_images, (200_000, 800_000)),
    "extract_features": Subject(extract_features_of_a_set, (200_000, 800_000)),
    "extract_features, part": Subject(extract_features, (2_000, 8_000)),
    "associate_concepts": Subject(associate_concepts, (5_000, 20_000)),
    "tag_captions": Subject(tag_captions, (10_000, 40_000)),
    "train_network lincir": Subject(train_lincir, (10_000, 40_000)),
    "train_network pic2word": Subject(train_pic2word, (10_000, 40_000)),
    "evaluate": Subject(evaluate, (20_000, 80_000)),
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
