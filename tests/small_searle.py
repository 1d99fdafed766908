"""The smallest inputs on which SEARLE's stages run: a random backbone of width 16, six concepts, eleven images."""

from pathlib import Path

import numpy as np
import torch

from cirque.encoders import backbones, clip
from cirque.encoders.features import write_features
from cirque.store import files, schemas, vectors

CONCEPTS = ["Red ball", "Cat", "Tomato, ripe", "'Nduja", "Box", "Photo"]
IMAGES = [f"ILSVRC2012_test_{number:08d}.JPEG" for number in range(1, 12)]
N_PHRASES = 3
DIM = 8
TOKEN_DIM = 16

CONFIG = {
    "embed_dim": DIM,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": TOKEN_DIM, "heads": 2, "layers": 2},
}


def phrases_of(concept: str) -> list[str]:
    """Continuations as a language model might give; one says the concept twice."""
    prompt = f"a photo of {concept} that"
    return [f"{prompt} is red", f"{prompt} stands beside another {concept} in the sun", f"{prompt} is not"]


def write_backbone(folder: Path, seed: int = 0) -> Path:
    """A random backbone with its side-car; returns the path of its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = clip.build("small", CONFIG)
    with torch.no_grad():  # at the usual scale random texts are nearly alike
        model.token_embedding.weight.mul_(20)
    path = folder / "weights.safetensors"
    backbones.save(model, path, encoder="clip", name="small", config=CONFIG, source="random", seed=0)
    return path


def load_backbone(folder: Path) -> backbones.Backbone:
    """A random backbone, in memory."""
    return backbones.load(write_backbone(folder), torch.device("cpu"))


def write_vocabulary(path: Path) -> Path:
    """The concepts as an Open Images class file."""
    lines = ["LabelName,DisplayName", *(f'/m/0{number},"{name}"' for number, name in enumerate(CONCEPTS))]
    files.write_text(path, "\n".join(lines) + "\n")
    return path


def write_phrases(folder: Path) -> tuple[list[Path], list[Path]]:
    """Phrases and random features of them, in two parts."""
    generator = np.random.default_rng(0)
    texts, features = [], []
    for part, names in enumerate((CONCEPTS[:4], CONCEPTS[4:])):
        texts.append(folder / "phrases" / f"{part:05d}.parquet")
        files.write_rows(texts[-1], [{"concept": name, "phrases": phrases_of(name)} for name in names], schemas.PHRASES)
        features.append(folder / "phrase_features" / f"{part:05d}.parquet")
        values = generator.normal(size=(len(names), N_PHRASES, DIM))
        values /= np.linalg.norm(values, axis=-1, keepdims=True)
        rows = [{"concept": name, "features": list(map(list, row))} for name, row in zip(names, values, strict=True)]
        files.write_rows(features[-1], rows, schemas.phrase_features(DIM))
    return texts, features


def write_images(folder: Path) -> tuple[list[Path], list[Path], Path]:
    """Features in two shards (with an image that failed), tokens likewise, and concepts of every image."""
    generator = np.random.default_rng(1)
    images = generator.normal(size=(len(IMAGES), DIM)).astype(np.float32)
    tokens = generator.normal(size=(len(IMAGES), TOKEN_DIM)).astype(np.float32)
    feature_paths, token_paths = [], []
    for shard, rows in enumerate((slice(0, 6), slice(6, None))):
        names = IMAGES[rows]
        feature_paths.append(folder / "features" / f"{shard:05d}.parquet")
        statuses = ["ok"] * len(names)
        if shard:
            names, statuses = [*names, "broken.JPEG"], [*statuses, "truncated"]
        write_features(feature_paths[-1], names, statuses, images[rows])
        token_paths.append(folder / "tokens" / f"{shard:05d}.parquet")
        vectors.write(token_paths[-1], IMAGES[rows], tokens[rows], schemas.tokens(TOKEN_DIM))
    concepts = folder / "concepts.parquet"
    files.write_rows(
        concepts,
        [
            {"image_id": name, "concepts": np.roll(CONCEPTS, -number).tolist(), "similarities": [0.5] * len(CONCEPTS)}
            for number, name in enumerate(IMAGES)
        ],
        schemas.CONCEPTS,
    )
    return feature_paths, token_paths, concepts
