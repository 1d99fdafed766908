"""What one step of each training and of inversion asks of a GPU, at the real sizes, on tensors without values."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pyarrow as pa
import pytest
import torch
from torch import Tensor

from cirque.encoders import backbones, clip, composers, resnet
from cirque.encoders.undrawn import undrawn
from cirque.inversion import oti, oti_batches
from cirque.store import schemas
from cirque.texts import object_words
from cirque.texts.phrase_pool import PhrasePool
from cirque.trainers import clip as clip_training
from cirque.trainers import combiner, composer, decoder, lincir, palavra, pic2word, searle, trunk
from cirque.training import loop, masked_captions
from cirque.training.loop import Training
from cirque.training.word_sets import Examples, Pairs
from tests import small_composer
from tests.launches import META, Buffers, Launches, without_values

#: Kernels of one step, its batch included, at most. On ViT-L/14 whatever the batch: their number depends on the blocks
#: and on the buckets of attention alone.
MOST = {"oti": 1000, "lincir": 1000, "pic2word": 650, "searle": 1000, "palavra": 2500}

CONCEPTS = ("dog", "bicycle", "tree", "lamp", "boat", "piano", "castle", "spoon")
WORDS = ("is", "was", "sits", "stands", "on", "near", "under", "red", "blue", "old", "house", "street", "garden", "sky")

#: Texts of the released lengths: the language model's phrases; half captions like CC3M's, half long prompts.
PHRASE_WORDS, CAPTION_WORDS = (30.0, 4.0), ((11.0, 4.0), (38.0, 25.0))


# ---- what steps work on --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backbone() -> backbones.Backbone:
    """ViT-L/14's text tower at its real size; the vision tower, which nothing asks, is tiny."""
    name = "ViT-L-14-quickgelu"
    config = {**clip.read_config(name), "vision_cfg": {**small_vision(), "image_size": 32}}
    with undrawn():
        model = clip.build(name, config).eval().requires_grad_(False)
    return backbones.Backbone(
        model=model.to(META),
        tokenizer=open_clip.SimpleTokenizer(),
        name=name,
        dim=config["embed_dim"],
        token_dim=model.token_embedding.embedding_dim,
        image_size=32,
        mean=clip.MEAN,
        std=clip.STD,
        context_length=model.context_length,
    )


def small_vision() -> dict[str, int]:
    return {"layers": 1, "width": 64, "head_width": 64, "patch_size": 16}


def vectors(n: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def there(n: int, dim: int) -> Tensor:
    return torch.empty(n, dim, device=META)


def sentence(generator: np.random.Generator, mean: float, deviation: float) -> list[str]:
    n_words = int(np.clip(round(generator.normal(mean, deviation)), 4, 70))
    return generator.choice(WORDS, n_words).tolist()


def pool_of(backbone: backbones.Backbone, each: int = 16) -> PhrasePool:
    generator = np.random.default_rng(0)
    phrases = [
        f"a photo of {concept} that {' '.join(sentence(generator, *PHRASE_WORDS))}"
        for concept in CONCEPTS
        for _ in range(each)
    ]
    return PhrasePool(
        {concept: row for row, concept in enumerate(CONCEPTS)},
        np.arange(len(CONCEPTS) + 1) * each,
        np.ones(len(CONCEPTS), dtype=bool),
        pa.chunked_array([pa.array(phrases)]),
        vectors(len(phrases), backbone.dim),
    )


def captions(n: int) -> pa.Table:
    generator, rows = np.random.default_rng(0), []
    for number in range(n):
        words = ["the", CONCEPTS[number % len(CONCEPTS)], *sentence(generator, *CAPTION_WORDS[number % 2])]
        pos = ["DET", "NOUN", *["VERB"] * (len(words) - 2)]
        rows.append({"caption_id": f"{number}", "caption": " ".join(words), "words": words, "pos": pos})
    return pa.Table.from_pylist(rows, schemas.CAPTIONS)


def lincir_training(backbone: backbones.Backbone, n: int = 512) -> Training:
    settings = lincir.Settings(
        *(2, n, 1e-4, 0.01, 0.5), input="text", masking="substring", noise="lincir", noise_scale=1.0,
        selection="last", validate_every=1,
    )  # fmt: skip
    corpus = masked_captions.Corpus(captions(n), vectors(n, backbone.dim))
    return lincir.training(masked_captions.MaskedCaptions(backbone, corpus, settings, seed=0), settings, seed=0)


def pic2word_training(backbone: backbones.Backbone, n: int = 1024) -> Training:
    settings = pic2word.Settings("pic2word", 2, 512, 2, n, 1e-4, 0.1, 0.1, warmup=1)
    return pic2word.training(there(n, backbone.dim), backbone, settings, seed=0)


def searle_training(backbone: backbones.Backbone, n: int = 256, loss: Any = "released") -> Training:
    settings = searle.Settings(2, n, 1e-4, 0.01, 0.5, 1.0, 0.75, 0.25, 15, loss, "first")
    names, concepts = [f"image {number}" for number in range(n)], [CONCEPTS] * n
    examples = searle.Examples(names, there(n, backbone.dim), there(n, backbone.token_dim))
    regulariser = searle.regulariser_of(backbone, pool_of(backbone), names, concepts, settings, seed=0)
    cycle = searle.CycleLoss(backbone, 0.25) if loss == "cycle" else None
    return searle.training(examples, regulariser, settings, cycle=cycle, seed=0)


def palavra_training(backbone: backbones.Backbone) -> Training:
    settings = palavra.Settings(
        *(64, 8, 5, 512, 2, 256, 1e-4, 1e-4, 0.25, 0.25, 16.0, 0.5, 2), schedule="released"
    )  # fmt: skip
    table = captions(64)
    words = object_words.find(table, settings.n_words)
    pairs = Pairs(vectors(64, backbone.dim), table, vectors(64, backbone.dim))
    examples = Examples(pairs, words, [[name] for name in words.names], settings.set_size, 0)
    return palavra.training(examples, backbone, settings, seed=0)


def combiner_training(backbone: backbones.Backbone) -> Training:
    pairs = torch.zeros(64, 2, dtype=torch.int64, device=META)
    examples = combiner.Examples(there(64, 768), there(64, 768), pairs, [[number, 0] for number in range(64)])
    return combiner.training(examples, combiner.Settings(64, 128, 0.5, 2, 32, 1e-4, 100.0), seed=0)


def decoder_training(backbone: backbones.Backbone) -> Training:
    made = decoder.Decoder(16, 32, 32, 8).to(META)
    pixels = np.zeros((16, 32, 32, 3), dtype=np.uint8)
    return decoder.training_of(made, vectors(16, 16), pixels, decoder.Settings(2, 8, 1e-3, 8), 0)


def trunk_training(backbone: backbones.Backbone) -> Training:
    config = small_composer.CONFIG
    made = resnet.build("small", config).to(META)
    labelled = np.zeros((16, 16, 16, 3), dtype=np.uint8), np.zeros((16, len(trunk.ATTRIBUTES), 9), dtype=np.int64)
    return trunk.training_of(made, {"css": labelled}, trunk.Settings(2, 8, 1e-3, 0.01), 0)


def composer_training(loss: Any) -> Callable[[backbones.Backbone], Training]:
    def made(backbone: backbones.Backbone) -> Training:
        record = small_composer.described("tirg")
        model = composers.made_of(record, device=META)
        data = composer.Data(small_composer.triplets(), small_composer.pixels())
        return composer.training_of(model, data, replace(small_composer.SETTINGS, loss=loss), 0)

    return made


TRAININGS: dict[str, Callable[[backbones.Backbone], Training]] = {
    "lincir": lincir_training,
    "pic2word": pic2word_training,
    "searle": searle_training,
    "searle, cycle": lambda backbone: searle_training(backbone, loss="cycle"),
    "palavra": palavra_training,
    "combiner": combiner_training,
    "composer, batch softmax": composer_training("batch-softmax"),
    "composer, soft triplet": composer_training("soft-triplet"),
    "composer, released triplets": composer_training("soft-triplet-released"),
    "decoder": decoder_training,
    "trunk": trunk_training,
}


# ---- steps ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def buffers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Buffers]:
    with torch.random.fork_rng(devices=[]):
        yield without_values(monkeypatch)


def launches_of(training: Training, step: int = 1) -> tuple[Launches, Launches]:
    """Of the batch, and of the step that takes it, after another step: the first has moments and layouts to make."""
    training.network.train()
    state = loop.TrainingState(training.network, training.optimiser, training.losses, step=step - 1)
    state.add(loop._step(state, training, training.batch(step - 1)))
    with Launches() as of_batch:
        batch = training.batch(step)
    with Launches() as of_step:
        state.add(loop._step(state, training, batch))
    return of_batch, of_step


def inverted(backbone: backbones.Backbone, n: int) -> tuple[Launches, Launches]:
    """A step of inversion of n images: its texts, and the step."""
    settings = oti.Settings(2, 0.02, 0.01, 0.02, 1.0, 0.5, 0.99, 3, n, "first", "phrases")
    names, concepts = [f"image {number}" for number in range(n)], [np.arange(len(CONCEPTS))] * n
    images = oti_batches.Images(names, vectors(n, backbone.dim), concepts)
    batch = oti_batches.Batch(oti_batches.encoder_for(backbone), images, pool_of(backbone), settings, seed=0)
    state = oti.State.initial(names, backbone.token_dim, 0.02, 0, META)
    state.tokens.requires_grad_(True)
    optimiser = oti._optimiser(state, settings)
    broken = torch.zeros(n, dtype=torch.bool, device=META)
    with Launches() as of_batch:
        texts = batch.texts_of(0)
    with Launches() as of_step:
        oti._step(batch, state, optimiser, texts, broken, settings=settings)
    return of_batch, of_step


def require_few(of_batch: Launches, of_step: Launches, buffers: Buffers, most: int) -> None:
    """At most so many kernels; no wait; nothing copied but what is pinned, and that with the batch."""
    assert not of_step.copies
    assert all(map(buffers.hold, of_batch.copies))
    assert not [*of_batch.waits, *of_step.waits]
    assert of_batch.kernels + of_step.kernels <= most, (of_batch.by_name, of_step.by_name)


def test_a_step_of_inversion_launches_few_kernels_and_never_waits(
    backbone: backbones.Backbone, buffers: Buffers
) -> None:
    of_batch, of_step = inverted(backbone, 500)
    require_few(of_batch, of_step, buffers, MOST["oti"])
    assert len(of_batch.copies) == 1


@pytest.mark.parametrize("name", TRAININGS)
def test_a_step_of_each_training_launches_few_kernels_and_never_waits(
    backbone: backbones.Backbone, buffers: Buffers, name: str
) -> None:
    of_batch, of_step = launches_of(TRAININGS[name](backbone))
    require_few(of_batch, of_step, buffers, MOST.get(name, 1500))


def test_the_second_pass_of_palavra_launches_few_kernels_and_never_waits(
    backbone: backbones.Backbone, buffers: Buffers
) -> None:
    training = palavra_training(backbone)
    of_batch, of_step = launches_of(training, training.per_epoch // 2)
    require_few(of_batch, of_step, buffers, MOST["palavra"])


def test_a_step_of_a_whole_clip_never_waits(buffers: Buffers, monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[Training] = []
    monkeypatch.setattr(clip_training, "fit", lambda training, *given: caught.append(training) or [])
    config = {
        "embed_dim": 16,
        "vision_cfg": {**small_vision(), "image_size": 32},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2},
    }
    data = clip_training.Captioned.in_memory(np.zeros((8, 32, 32, 3), dtype=np.uint8), [["a red cat"]] * 8)
    clip_training.train(
        clip.build("small", config),
        open_clip.SimpleTokenizer(),
        data,
        clip_training.Settings(2, 4, 1e-4, 0.1, 1),
        clip_training.Run(0, META, clip.MEAN, clip.STD, Path("unused")),
        texts_per_image=1,
    )
    of_batch, of_step = launches_of(caught[0])
    require_few(of_batch, of_step, buffers, 1500)
    assert len(of_batch.copies) == 1


def test_the_counter_counts_launches_copies_and_waits(buffers: Buffers) -> None:
    x, row, weights = there(4, 8), torch.empty(8, device=META), there(8, 8)
    with Launches() as seen:
        x.view(8, 4).T[1:].detach()
        torch.empty_like(x)
    assert not seen.kernels
    with Launches() as seen:
        torch.addmm(row, x, weights)
        torch.addmm(x, x, weights)
    assert seen.kernels == 3
    with Launches() as seen:
        torch.zeros(2).to(META)
    assert len(seen.copies) == 1
    with Launches() as seen, pytest.raises(RuntimeError, match="meta"):
        there(1, 1).item()
    assert seen.waits == ["aten::_local_scalar_dense"]


def test_a_batch_of_captions_and_one_of_prompts_alone_is_one_copy(
    backbone: backbones.Backbone, buffers: Buffers
) -> None:
    assert len(launches_of(lincir_training(backbone))[0].copies) == 1
    assert len(launches_of(pic2word_training(backbone))[0].copies) == 1
