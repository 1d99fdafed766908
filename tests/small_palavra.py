"""The smallest inputs on which PALAVRA's training runs: small_lincir's captions, each with a random image."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from cirque.encoders.backbones import Backbone
from cirque.encoders.features import write_features
from cirque.inversion import palavra as palavra_tokens
from cirque.networks import palavra
from cirque.store import files, schemas
from cirque.texts import object_words
from cirque.trainers import palavra as palavra_training
from cirque.training.word_sets import Examples, Pairs
from tests import small_lincir, small_searle

SETTINGS = palavra_training.Settings(
    n_pairs=100,
    n_words=6,
    set_size=3,
    width=12,
    epochs=3,
    batch=4,
    learning_rate=0.01,
    alignment_rate=0.02,
    dropout=0.25,
    temperature=0.25,
    lambda_gt=16.0,
    decay=0.5,
    decay_every=2,
    schedule="released",
)

TOKENS = palavra_tokens.Settings(steps=4, learning_rate=0.01, temperature=0.25, coarse="released", batch=4)


def images() -> np.ndarray:
    """Un-normalised features, an image a caption."""
    size = (len(small_lincir.CAPTIONS), small_searle.DIM)
    return 3 * np.random.default_rng(5).normal(size=size).astype(np.float32)


def pairs(backbone: Backbone) -> Pairs:
    """Images and captions, in memory."""
    table = pa.Table.from_pylist(small_lincir.rows(), schemas.CAPTIONS)
    normalised = images() / np.linalg.norm(images(), axis=1, keepdims=True)
    return Pairs(normalised, table, small_lincir.features(backbone))


def examples(backbone: Backbone, settings: palavra_training.Settings = SETTINGS, seed: int = 0) -> Examples:
    """What the training draws from; two words have two names each."""
    own = pairs(backbone)
    words = object_words.find(own.captions, settings.n_words)
    names = [["Red ball", "Tomato"], ["Cat", "Box"], *([word] for word in words.names[2:])]
    return Examples(own, words, names, settings.set_size, seed)


def network(backbone: Backbone, seed: int = 0, dropout: float = 0.0) -> palavra.PalavraPhi:
    """Both networks, untrained."""
    return palavra.initial(backbone.dim, backbone.token_dim, dropout, SETTINGS.width, seed)


def image_name(number: int) -> str:
    """Name of the image of a caption."""
    return f"cc_data/train/{number:09d}.jpg"


def write(folder: Path, backbone: Backbone) -> None:
    """Features in two shards, of which one image failed; the list of captions; captions; the vocabulary."""
    names = [image_name(number) for number in range(len(small_lincir.CAPTIONS))]
    for shard, rows in enumerate((slice(0, 7), slice(7, None))):
        own, statuses = names[rows], ["ok"] * len(names[rows])
        if shard:
            own, statuses = [*own, "cc_data/train/broken.jpg"], [*statuses, "truncated"]
        write_features(folder / "features" / f"{shard:05d}.parquet", own, statuses, images()[rows])
    titles = [*(caption.upper() for caption in small_lincir.CAPTIONS), "a broken one"]
    lines = [f"{title}\t{name}\n" for title, name in zip(titles, [*names, "cc_data/train/broken.jpg"], strict=True)]
    files.write_text(folder / "titles.csv", "title\tfilepath\n" + "".join(lines))
    small_searle.write_vocabulary(folder / "vocabulary.csv")
    small_lincir.write(folder, backbone)
