"""Files as stages write them, of drawn numbers, for `memory.py`: as many as one likes of each.

    paths = draw_features(folder, n=20_000)

Features have 768 numbers, captions and phrases the real lengths, paths those of CC12M; pictures are small.
"""

from io import BytesIO
from pathlib import Path

import host_time
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cirque.data import shards
from cirque.encoders import backbones, clip, features
from cirque.store import files, schemas, vectors

DIM = host_time.DIM

#: Width of a text tower of which nothing is measured: its steps take next to no time.
NARROW = 64

#: Images or captions of a file.
ROWS_OF_A_PART = 5_000

#: Files of phrases, and concepts that are stored of an image, as at the papers' scale.
PARTS_OF_PHRASES, CONCEPTS_STORED = 32, 250


def image_names(n: int) -> list[str]:
    """Paths below a data set's folder, as long as CC12M's."""
    return [f"cc_data/train/{i // 1000:06d}/{i:010d}.jpg" for i in range(n)]


def draw_weights(folder: Path, text_width: int = DIM) -> Path:
    """Weights of ViT-L/14's dimensions over one layer, or of a text tower of another width."""
    path = folder / "weights.safetensors"
    of_text = {**host_time.CONFIG["text_cfg"], "width": text_width, "heads": text_width // 64}
    config = host_time.CONFIG | {"text_cfg": of_text}
    backbones.save(
        clip.build("small", config), path, encoder="clip", name="small", config=config, source="random", seed=0
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


def draw_shards(folder: Path, images: Path, n_shards: int = 1) -> list[Path]:
    """The first shards of a set, whose pictures are drawn."""
    paths = [folder / f"{number:05d}.tar" for number in range(n_shards)]
    for number, path in enumerate(paths):
        shards.write_shard(path, shards.read_rows(images, number), folder)
    return paths


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


def draw_vectors(folder: Path, names: list[str], key: str, column: str) -> list[Path]:
    """A vector for each name, a file a part."""
    paths = []
    for start in range(0, len(names), ROWS_OF_A_PART):
        own = names[start : start + ROWS_OF_A_PART]
        paths.append(folder / f"{start:07d}.parquet")
        array = np.random.default_rng(start).standard_normal((len(own), DIM), dtype=np.float32)
        vectors.write(paths[-1], own, array, schemas.vectors(key, column, DIM))
    return paths


def draw_caption_features(folder: Path, captions: list[Path]) -> list[Path]:
    """Features of captions, a file for each of theirs."""
    paths = []
    for path in captions:
        ids = files.read_table(path, ["caption_id"])["caption_id"].to_pylist()
        paths += draw_vectors(folder / "caption_features" / path.stem, ids, "caption_id", "feature")
    return paths


def draw_captioned_images(folder: Path, titles: list[str]) -> None:
    """Pictures and their list, as CC12M has them; `folder` becomes the root of the data."""
    draw_pictures(folder, len(titles))
    draw_list(folder / "cc12m/cc/Train_cc12m_output.csv", titles)


def draw_list(path: Path, titles: list[str]) -> Path:
    """A list of downloaded images with the caption of each."""
    lines = [f"{title}\t{name}" for title, name in zip(titles, image_names(len(titles)), strict=True)]
    files.write_text(path, "\n".join(["title\tfilepath", *lines]) + "\n")
    return path


def draw_phrases(folder: Path, n_concepts: int) -> tuple[list[str], list[Path], list[Path]]:
    """Concepts, and files of their phrases and of these' features: a group of rows a concept, as stages write them."""
    pool = host_time.pool(np.random.default_rng(0), n_concepts)
    names, each = list(pool.rows), host_time.N_PHRASES
    phrases, features_of_them = [], []
    for part, own in enumerate(np.array_split(np.arange(n_concepts), PARTS_OF_PHRASES)):
        rows = [{"concept": names[i], "phrases": pool.phrases[i * each : (i + 1) * each].to_pylist()} for i in own]
        phrases.append(folder / "phrases" / f"{part:05d}.parquet")
        files.write_rows(phrases[-1], rows, schemas.PHRASES, schemas.CONCEPTS_OF_A_GROUP)
        features_of_them.append(folder / "phrase_features" / f"{part:05d}.parquet")
        features_of_them[-1].parent.mkdir(exist_ok=True)
        array = np.random.default_rng(part).standard_normal((len(own) * each, DIM), dtype=np.float32)
        lists = pa.ListArray.from_arrays(np.arange(len(own) + 1, dtype=np.int32) * each, vectors.column(array))
        table = pa.table([[names[i] for i in own], lists], schema=schemas.phrase_features(DIM))
        options = {**files.PARQUET, "use_dictionary": False, "row_group_size": schemas.CONCEPTS_OF_A_GROUP}
        pq.write_table(table, features_of_them[-1], **options)
    return names, phrases, features_of_them


def draw_concepts(folder: Path, image_ids: list[str], names: list[str]) -> Path:
    """The nearest concepts of each image, any of them."""
    generator, blocks = np.random.default_rng(0), []
    for image_id in image_ids:
        chosen = generator.choice(len(names), CONCEPTS_STORED, replace=False)
        near = np.linspace(0.3, 0.1, CONCEPTS_STORED).tolist()
        blocks.append({"image_id": image_id, "concepts": [names[i] for i in chosen], "similarities": near})
    files.write_rows(folder / "concepts.parquet", blocks, schemas.CONCEPTS)
    return folder / "concepts.parquet"


def draw_vocabulary(folder: Path, names: list[str]) -> Path:
    """A class file of Open Images."""
    lines = ["LabelName,DisplayName", *(f"/m/{i:06d},{name}" for i, name in enumerate(names))]
    files.write_text(folder / "vocabulary.csv", "\n".join(lines) + "\n")
    return folder / "vocabulary.csv"


def draw_triplets(folder: Path, image_ids: list[str]) -> Path:
    """Triplets of a train split, as many for each image as CIRR has: 28,225 of 16,939."""
    generator = np.random.default_rng(0)
    texts = host_time.texts(generator, len(image_ids) * 5 // 3, host_time.CAPTION_WORDS)
    rows = []
    for words in texts:
        reference, target = (image_ids[i] for i in generator.choice(len(image_ids), 2, replace=False))
        rows.append({"reference_id": reference, "captions": [" ".join(words)], "target_id": target})
    files.write_rows(folder / "triplets.parquet", rows, schemas.TRIPLETS)
    return folder / "triplets.parquet"


def sizes_of(*paths: Path) -> float:
    """Bytes of the files that a job reads."""
    return float(sum(path.stat().st_size for path in paths))
