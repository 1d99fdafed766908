"""Host time of a step: what makes a batch before the device can start on it. `python benchmarks/host_time.py`.

Processor time of the thread that trains, on one core, of the three that read texts: LinCIR's 512 captions, the 256
phrases of SEARLE's φ, and the phrases of all 350 steps of 500 images that are inverted together. Texts are drawn:
words of a vocabulary with frequencies as 1/rank, captions and phrases of the lengths of CC3M and of the released
phrases. The pool holds the phrases of a part of the vocabulary of 20,932 concepts (`--concepts`), 256 each; how many
phrases a batch draws does not depend on it. Nothing is computed by a tower: a text tower of one small layer stands in.
Before them, what a job does once: captions are masked and tokenised, and the phrases of its concepts.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import open_clip
import pyarrow as pa
import torch

from cirque.encoders import backbones, clip
from cirque.inversion import oti, oti_batches
from cirque.store import schemas
from cirque.texts.phrase_pool import PhrasePool
from cirque.trainers import lincir
from cirque.training.masked_captions import Corpus, MaskedCaptions
from cirque.training.phrase_losses import PhraseRegulariser

DIM = 768
N_CAPTIONS, CAPTIONS, IMAGES_OF_PHI, IMAGES_INVERTED, STEPS = 200_000, 512, 256, 500, 350
N_PHRASES, CONCEPTS_OF_AN_IMAGE = 256, 15

#: Words after "a photo of CONCEPT that", and words of a caption: mean and standard deviation.
PHRASE_WORDS, CAPTION_WORDS = (28.0, 4.0), (10.6, 4.0)
TAGS = np.array(["NOUN", "NOUN", "ADJ", "DET", "VERB", "ADP", "ADP", "CCONJ", "PUNCT", "PRON"])


#: The dimensions of ViT-L/14 over one layer.
CONFIG: dict[str, Any] = {
    "embed_dim": DIM,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "head_width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": DIM, "heads": 12, "layers": 1},
}


def small_backbone() -> backbones.Backbone:
    """CLIP's tokenizer and the dimensions of ViT-L/14 over one narrow layer."""
    model = clip.build("small", CONFIG).eval().requires_grad_(False)
    return backbones.Backbone(
        model=model, tokenizer=open_clip.SimpleTokenizer(), name="small", dim=DIM, token_dim=DIM, image_size=32,
        mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), context_length=77,
    )  # fmt: skip


def vocabulary() -> tuple[list[str], np.ndarray]:
    """Words of CLIP's own vocabulary, and how often each is drawn."""
    known = open_clip.SimpleTokenizer().encoder
    words = [word.removesuffix("</w>") for word in known if word.endswith("</w>") and word[:-4].isalpha()]
    words = [word for word in words if word.isascii() and word.islower()]
    chances = 1 / (np.arange(len(words)) + 2.7)
    return words, chances / chances.sum()


def texts(generator: np.random.Generator, n: int, length: tuple[float, float]) -> list[list[str]]:
    """Words of n texts."""
    words, chances = vocabulary()
    sizes = np.clip(generator.normal(*length, n).round().astype(int), 3, 60)
    drawn = generator.choice(len(words), sizes.sum(), p=chances)
    return [[words[i] for i in part] for part in np.split(drawn, np.cumsum(sizes)[:-1])]


def captions(generator: np.random.Generator, n: int = N_CAPTIONS) -> Corpus:
    """Tagged captions and features."""
    rows = []
    for number, words in enumerate(texts(generator, n, CAPTION_WORDS)):
        pos = TAGS[generator.integers(len(TAGS), size=len(words))].tolist()
        rows.append({"caption_id": f"caption {number}", "caption": " ".join(words), "words": words, "pos": pos})
    return Corpus(pa.Table.from_pylist(rows, schemas.CAPTIONS), np.zeros((n, DIM), np.float32))


def pool(generator: np.random.Generator, n_concepts: int) -> PhrasePool:
    """Phrases of n concepts and features."""
    names = [f"{' '.join(words[:2])} {row}" for row, words in enumerate(texts(generator, n_concepts, (3.0, 1.0)))]
    after = texts(generator, n_concepts * N_PHRASES, PHRASE_WORDS)
    phrases = [f"a photo of {names[row // N_PHRASES]} that {' '.join(words)}" for row, words in enumerate(after)]
    return PhrasePool(
        {name: row for row, name in enumerate(names)},
        np.arange(n_concepts + 1) * N_PHRASES,
        np.ones(n_concepts, dtype=bool),
        pa.chunked_array([pa.array(phrases)]),
        np.zeros((len(phrases), DIM), np.float32),
    )


# ---- what is timed -------------------------------------------------------------------------------------------------


def caption_batch(backbone: backbones.Backbone, generator: np.random.Generator) -> Callable[[int], Any]:
    """LinCIR's batch of a step."""
    settings = lincir.Settings(
        steps=1, batch=CAPTIONS, learning_rate=0.0, weight_decay=0.0, dropout=0.0, input="text", masking="substring",
        noise="lincir", noise_scale=1.0, selection="last", validate_every=1,
    )  # fmt: skip
    corpus = captions(generator)
    with once("masking and tokenising", N_CAPTIONS, "captions"):
        return MaskedCaptions(backbone, corpus, settings, seed=0).batch


def phrase_batch(
    backbone: backbones.Backbone, generator: np.random.Generator, phrases: PhrasePool
) -> Callable[[int], Any]:
    """Phrases of SEARLE's φ for the images of a step."""
    names, images = list(phrases.rows), range(20 * IMAGES_OF_PHI)
    concepts = [[names[i] for i in generator.choice(len(names), 150, replace=False)] for _ in images]
    source = PhraseRegulariser(
        backbone, phrases, [f"image {i}" for i in images], concepts, n_concepts=150, replace="all", seed=0
    )
    return lambda step: source.batch(range(IMAGES_OF_PHI * (step % 20), IMAGES_OF_PHI * (step % 20 + 1)), step // 20)


def inverted_batch(
    backbone: backbones.Backbone, generator: np.random.Generator, phrases: PhrasePool
) -> Callable[[int], Any]:
    """Texts of all steps of images that are inverted together."""
    settings = oti.Settings(
        steps=STEPS, learning_rate=0.0, weight_decay=0.0, init_std=0.02, lambda_cos=1.0, lambda_gpt=0.5, ema_decay=0.99,
        n_concepts=CONCEPTS_OF_AN_IMAGE, batch=IMAGES_INVERTED, replace="first", regulariser="phrases",
    )  # fmt: skip
    encoder = oti_batches.encoder_for(backbone)

    def batch(step: int) -> oti_batches.Batch:
        names = [f"image {step} {number}" for number in range(IMAGES_INVERTED)]
        concepts = [generator.choice(len(phrases.rows), CONCEPTS_OF_AN_IMAGE, replace=False) for _ in names]
        images = oti_batches.Images(names, np.zeros((len(names), DIM), np.float32), concepts)
        return oti_batches.Batch(encoder, images, phrases, settings, 0)

    return batch


@contextmanager
def once(what: str, n: int, items: str) -> Iterator[None]:
    """Prints the processor time of what a job does once."""
    start = time.thread_time()
    yield
    seconds = time.thread_time() - start
    print(f"{what} {n:,} {items} once: {seconds:.1f} s, {1e6 * seconds / n:.1f} µs each", flush=True)


def milliseconds(batch: Callable[[int], Any], rounds: int, warm: int) -> tuple[float, float, float]:
    """Median, least and most processor time of a batch."""
    found = []
    for step in range(warm + rounds):
        start = time.thread_time()
        batch(step)
        found.append(1000 * (time.thread_time() - start))
    return statistics.median(found[warm:]), min(found[warm:]), max(found[warm:])


def main() -> None:
    """Print the three figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--concepts", type=int, default=2_000, help="concepts in the pool, of 20,932")
    parser.add_argument("--rounds", type=int, default=40, help="batches of each training; of inversion a tenth")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pa.set_cpu_count(1)
    backbone, generator = small_backbone(), np.random.default_rng(0)
    phrases = pool(generator, options.concepts)
    for replace in ("first", "all"):
        with once("tokenising", len(phrases.phrases), "phrases"):
            phrases.pseudo_ids(backbone, replace)
    print(f"host time of a batch on one core, median (least to most), {options.concepts:,} of 20,932 concepts")
    for what, batch, rounds, warm in (
        (f"LinCIR, {CAPTIONS} captions", caption_batch(backbone, generator), options.rounds, 200),
        (f"SEARLE's φ, {IMAGES_OF_PHI} images", phrase_batch(backbone, generator, phrases), options.rounds, 200),
        (
            f"OTI, {STEPS} steps of {IMAGES_INVERTED} images",
            inverted_batch(backbone, generator, phrases),
            max(3, options.rounds // 10),
            1,
        ),
    ):
        median, least, most = milliseconds(batch, rounds, warm)
        print(f"{what:28s} {median:10.1f} ms ({least:.1f} to {most:.1f})", flush=True)


if __name__ == "__main__":
    main()
