import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.inversion import oti, oti_batches
from cirque.texts import phrase_pool
from cirque.texts.phrase_pool import PhrasePool
from cirque.texts.templates import TEMPLATES
from tests import plain_text, small_searle

SETTINGS = oti.Settings(
    steps=6,
    learning_rate=0.02,
    weight_decay=0.01,
    init_std=0.02,
    lambda_cos=1.0,
    lambda_gpt=0.5,
    ema_decay=0.9,
    n_concepts=4,
    batch=4,
    replace="first",
    regulariser="phrases",
)

N_IMAGES = len(small_searle.IMAGES)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> PhrasePool:
    return phrase_pool.load(*small_searle.write_phrases(tmp_path_factory.mktemp("pool")))


@pytest.fixture(scope="module")
def images() -> oti_batches.Images:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(N_IMAGES, small_searle.DIM)).astype(np.float32)
    concepts = [np.sort(generator.choice(6, 4, replace=False)) for _ in range(N_IMAGES)]
    return oti_batches.Images(small_searle.IMAGES, features, concepts)


def chosen(images: oti_batches.Images, rows: list[int]) -> oti_batches.Images:
    return oti_batches.Images(
        [images.image_ids[row] for row in rows], images.features[rows], [images.concepts[row] for row in rows]
    )


def plain_tokens(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool, settings: oti.Settings
) -> np.ndarray:
    """Inversion image by image, written from the formulas: losses, AdamW and the running mean."""
    names, found = list(pool.rows), []
    for image_id, feature, concepts in zip(images.image_ids, images.features, images.concepts, strict=True):
        sizes = pool.starts[concepts + 1] - pool.starts[concepts]
        templates = oti_batches.draw_templates(0, image_id, settings.steps)
        drawn = zip(templates, *oti_batches.draw_phrases(0, image_id, sizes, settings.steps), strict=True)
        v = torch.from_numpy(oti.initial_token(0, image_id, backbone.token_dim, settings.init_std))
        ema, m, u = v.clone(), torch.zeros_like(v), torch.zeros_like(v)
        for step, (template, concept, phrase) in enumerate(drawn, start=1):
            v.requires_grad_(True)
            row = concepts[concept]
            number = pool.starts[row] + phrase
            pseudo = pool.phrase(int(number)).replace(names[row], " $ ", 1)
            filled = TEMPLATES[template].replace("{}", " $ ")
            a, b = plain_text.encode(backbone, [filled, pseudo], torch.stack([v, v]))
            loss = settings.lambda_cos * (1 - cosine(a, torch.from_numpy(feature)))
            loss = loss + settings.lambda_gpt * (1 - cosine(b, torch.from_numpy(pool.features[number])))
            loss = loss / (settings.lambda_cos + settings.lambda_gpt)
            (g,) = torch.autograd.grad(loss / 32, v)
            m, u = 0.9 * m + 0.1 * g, 0.999 * u + 0.001 * g * g
            v = v.detach() * (1 - settings.learning_rate * settings.weight_decay)
            v -= settings.learning_rate * (m / (1 - 0.9**step)) / ((u / (1 - 0.999**step)).sqrt() + 1e-8)
            ema = settings.ema_decay * ema + (1 - settings.ema_decay) * v
        found.append(ema.numpy())
    return np.stack(found)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b) / (a @ a).sqrt() / (b @ b).sqrt()


# ---- draws ------------------------------------------------------------------------------------------------------


def test_the_cut_comes_before_the_filter(pool: PhrasePool) -> None:
    usable = dataclasses.replace(pool, usable=np.array([False, True, False, True, True, True]))
    names = [small_searle.CONCEPTS[row] for row in (0, 1, 2, 3, 4)]
    assert usable.allowed(names, 3, "image a.png").tolist() == [1]


def test_draws_belong_to_the_image(images: oti_batches.Images) -> None:
    def drawn(seed: int, image_id: str) -> tuple[np.ndarray, ...]:
        return oti_batches.draw_templates(seed, image_id, 50), *oti_batches.draw_phrases(
            seed, image_id, np.array([3, 3, 3, 3]), 50
        )

    first, again = drawn(0, "a.png"), drawn(0, "a.png")
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    for other in (drawn(0, "b.png"), drawn(1, "a.png")):
        assert not any(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 60))
def test_every_draw_is_a_phrase_of_its_concept(sizes: list[int], steps: int) -> None:
    templates = oti_batches.draw_templates(0, "a.png", steps)
    concepts, phrases = oti_batches.draw_phrases(0, "a.png", np.array(sizes), steps)
    assert templates.shape == concepts.shape == phrases.shape == (steps,)
    assert ((templates >= 0) & (templates < 24)).all()
    assert (phrases >= 0).all()
    assert (phrases < np.array(sizes)[concepts]).all()


def test_templates_and_the_phrases_of_the_pool_are_equally_likely() -> None:
    concepts, phrases = oti_batches.draw_phrases(0, "a.png", np.array([1, 3, 4]), 48_000)
    counts = np.bincount(oti_batches.draw_templates(0, "a.png", 48_000), minlength=24)
    assert abs(counts - 2000).max() < 5 * np.sqrt(2000)
    counts = np.bincount(np.array([0, 1, 4])[concepts] + phrases, minlength=8)
    assert abs(counts - 6000).max() < 5 * np.sqrt(6000)


def test_initial_tokens_are_normal_with_the_given_deviation() -> None:
    token = oti.initial_token(0, "a.png", 20_000, 0.02)
    assert token.dtype == np.float32
    assert abs(token.mean()) < 0.001
    assert abs(token.std() - 0.02) < 0.001


# ---- losses --------------------------------------------------------------------------------------------------------


def test_the_cosine_loss_is_torchs_even_at_zero() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn((2, 9, 5), generator=generator)
    a[0], b[1] = 0, 1e-9
    torchs = torch.nn.CosineEmbeddingLoss(reduction="none")(a, b, torch.ones(9))
    assert torch.allclose(oti_batches.cosine_loss(a, b), torchs, atol=1e-6)
    assert torch.isfinite(oti_batches.cosine_loss(a, b)).all()


def test_lambdas_are_divided_by_their_sum() -> None:
    settings = dataclasses.replace(SETTINGS, lambda_cos=3.0, lambda_gpt=1.0)
    assert oti.inversion_loss(torch.tensor([2.0]), torch.tensor([4.0]), settings).item() == 2.5


def test_a_step_has_the_losses_and_gradient_of_the_plain_formulas(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool
) -> None:
    batch = oti_batches.Batch(oti_batches.encoder_for(backbone), images, pool, SETTINGS, seed=0)
    tokens = torch.randn((N_IMAGES, backbone.token_dim), generator=torch.Generator().manual_seed(3)).requires_grad_()
    l_cos, l_gpt = batch.losses(tokens, batch.texts_of(2))
    names = np.array(list(pool.rows))[np.searchsorted(pool.starts, batch.phrases[:, 2], side="right") - 1]
    filled = [TEMPLATES[number].replace("{}", " $ ") for number in batch.templates[:, 2]]
    phrases = [pool.phrase(int(number)) for number in batch.phrases[:, 2]]
    pseudo = [phrase.replace(name, " $ ", 1) for name, phrase in zip(names, phrases, strict=True)]
    with_template, with_phrase = plain_text.encode(backbone, filled + pseudo, tokens.repeat(2, 1)).chunk(2)
    expected_cos = 1 - torch.cosine_similarity(with_template, torch.from_numpy(images.features))
    expected_gpt = 1 - torch.cosine_similarity(with_phrase, torch.from_numpy(pool.features[batch.phrases[:, 2]]))
    assert torch.allclose(l_cos, expected_cos, atol=1e-5)
    assert torch.allclose(l_gpt, expected_gpt, atol=1e-5)
    ours = torch.autograd.grad(oti.inversion_loss(l_cos, l_gpt, SETTINGS).sum(), tokens)[0]
    plain = torch.autograd.grad(((expected_cos + 0.5 * expected_gpt) / 1.5).sum(), tokens)[0]
    assert (ours - plain).abs().max() <= 1e-5
    assert plain.abs().max() > 0.01


@pytest.mark.parametrize("words", ["own", "any"])
def test_the_bare_prompts_are_compared_with_and_without_the_token(
    backbone: Backbone, images: oti_batches.Images, words: str
) -> None:
    """The ablations "w/o GPT reg" (one of the image's own concepts) and "random reg" (any of the vocabulary)."""
    rows = images.concepts if words == "own" else [np.arange(6)] * N_IMAGES
    only = oti_batches.Images(images.image_ids, images.features, rows)
    prompts = phrase_pool.of_prompts(small_searle.CONCEPTS, backbone)
    tokens = torch.randn((N_IMAGES, backbone.token_dim), generator=torch.Generator().manual_seed(3))
    batch = oti_batches.Batch(oti_batches.encoder_for(backbone), only, prompts, SETTINGS, seed=0)
    _, l_gpt = batch.losses(tokens, batch.texts_of(2))
    drawn = [
        concepts[oti_batches.draw_phrases(0, name, np.ones(len(concepts), dtype=int), SETTINGS.steps)[0][2]]
        for name, concepts in zip(only.image_ids, rows, strict=True)
    ]
    assert len(set(drawn)) > 2
    with_token = plain_text.encode(backbone, ["a photo of $"] * N_IMAGES, tokens)
    with_name = plain_text.encode(backbone, [f"a photo of {small_searle.CONCEPTS[row]}" for row in drawn])
    assert torch.allclose(l_gpt, 1 - torch.cosine_similarity(with_token, with_name), atol=1e-5)


def test_without_phrases_the_loss_is_that_of_the_image_alone(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool
) -> None:
    tokens = torch.randn((N_IMAGES, backbone.token_dim), generator=torch.Generator().manual_seed(3))
    without = oti_batches.Batch(oti_batches.encoder_for(backbone), images, None, SETTINGS, seed=0)
    with_phrases = oti_batches.Batch(oti_batches.encoder_for(backbone), images, pool, SETTINGS, seed=0)
    assert np.array_equal(without.templates, with_phrases.templates)
    l_cos, l_gpt = without.losses(tokens, without.texts_of(2))
    assert torch.allclose(l_cos, with_phrases.losses(tokens, with_phrases.texts_of(2))[0], atol=1e-5)
    assert l_gpt.tolist() == [0.0] * N_IMAGES
    assert len(without.texts.starts) - 1 == len(TEMPLATES)


# ---- inversion -----------------------------------------------------------------------------------------------------


def test_without_weight_on_phrases_none_are_needed(
    backbone: Backbone, images: oti_batches.Images, tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, lambda_gpt=0.0)
    bare = oti_batches.Images(images.image_ids, images.features, [np.arange(0)] * N_IMAGES)
    oti.optimise(backbone, bare, None, settings, seed=0, work=tmp_path / "no phrases")
    with pytest.raises(CirqueError, match="lambda_gpt is not 0, so phrases are needed"):
        oti.optimise(backbone, bare, None, SETTINGS, seed=0, work=tmp_path / "phrases")


@pytest.mark.parametrize("lambda_gpt", [0.5, 0.0])
def test_tokens_equal_those_of_a_plain_transcription(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool, tmp_path: Path, lambda_gpt: float
) -> None:
    settings = dataclasses.replace(SETTINGS, lambda_gpt=lambda_gpt)
    tokens = oti.optimise(backbone, images, pool, settings, seed=0, work=tmp_path)
    assert abs(tokens - plain_tokens(backbone, images, pool, settings)).max() < 1e-4
    start = np.stack([oti.initial_token(0, name, backbone.token_dim, 0.02) for name in images.image_ids])
    assert abs(tokens - start).max() > 0.02


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_batch_changes_no_token(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool, tmp_path: Path, batch: int
) -> None:
    settings = dataclasses.replace(SETTINGS, batch=batch)
    one = oti.optimise(backbone, images, pool, SETTINGS, seed=0, work=tmp_path / "4")
    other = oti.optimise(backbone, images, pool, settings, seed=0, work=tmp_path / "other")
    assert abs(one - other).max() < 1e-4


@pytest.mark.parametrize("batch", [2, 11])
def test_gradients_are_those_of_the_released_batch_of_32_whatever_the_batch(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool, tmp_path: Path, batch: int
) -> None:
    settings = dataclasses.replace(SETTINGS, steps=1, batch=batch)
    oti.optimise(backbone, images, pool, settings, seed=0, work=tmp_path)
    state = oti.State.load(tmp_path / "000000000.safetensors", torch.device("cpu"))
    first = oti_batches.Batch(
        oti_batches.encoder_for(backbone), chosen(images, list(range(batch))), pool, settings, seed=0
    )
    start = oti.State.initial(first.images.image_ids, backbone.token_dim, 0.02, 0, torch.device("cpu")).tokens
    loss = oti.inversion_loss(*first.losses(start.requires_grad_(), first.texts_of(0)), settings)
    (gradient,) = torch.autograd.grad(loss.sum(), start)
    assert torch.allclose(state.exp_avg, 0.1 * gradient / 32, rtol=1e-4, atol=1e-9)


def test_order_and_sharding_change_no_token(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool, tmp_path: Path
) -> None:
    whole = oti.optimise(backbone, images, pool, SETTINGS, seed=0, work=tmp_path / "whole")
    rows = [7, 2, 9]
    part = oti.optimise(backbone, chosen(images, rows), pool, SETTINGS, seed=0, work=tmp_path / "part")
    assert abs(whole[rows] - part).max() < 1e-4


def test_the_result_is_the_running_mean_that_started_from_the_random_token(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool, tmp_path: Path
) -> None:
    one_step = dataclasses.replace(SETTINGS, steps=1)
    tokens = oti.optimise(backbone, images, pool, one_step, seed=0, work=tmp_path)
    state = oti.State.load(tmp_path / "000000000.safetensors", torch.device("cpu"))
    start = np.stack([oti.initial_token(0, name, backbone.token_dim, 0.02) for name in images.image_ids[:4]])
    assert np.allclose(tokens[:4], 0.9 * start + 0.1 * state.tokens.numpy(), atol=1e-7)


@pytest.mark.parametrize("number", [0, 1])
def test_inversion_lowers_each_loss(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool, tmp_path: Path, number: int
) -> None:
    weights = {"lambda_cos": 1.0 - number, "lambda_gpt": float(number)}
    alone = dataclasses.replace(SETTINGS, steps=60, batch=11, **weights)
    phrases = text.encode(backbone, pool.phrases.to_pylist())
    pool = dataclasses.replace(pool, features=torch.nn.functional.normalize(phrases, dim=-1).numpy())
    tokens = torch.from_numpy(oti.optimise(backbone, images, pool, alone, seed=0, work=tmp_path))
    batch = oti_batches.Batch(oti_batches.encoder_for(backbone), images, pool, alone, seed=1)  # other draws
    start = oti.State.initial(images.image_ids, backbone.token_dim, 0.02, 0, torch.device("cpu")).tokens
    before, after = (
        np.mean([batch.losses(values, batch.texts_of(step))[number].mean().item() for step in range(30)])
        for values in (start, tokens)
    )
    assert after < 0.8 * before


@pytest.mark.parametrize("replace", ["first", "all"])
def test_a_phrase_takes_the_token_at_its_first_placeholder_only(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool, replace: str
) -> None:
    batch = oti_batches.Batch(
        oti_batches.encoder_for(backbone), images, pool, dataclasses.replace(SETTINGS, replace=replace), seed=0
    )
    rows = np.split(batch.texts.ids, batch.texts.starts[1:-1])
    counts = {row.tolist().count(text.PLACEHOLDER_ID) for row in rows}
    assert counts == ({1} if replace == "first" else {1, 2})
    assert len(batch.texts.pack().slots) == len(rows)


@pytest.mark.parametrize("cut", ["unfinished", "broken", "foreign"])
def test_a_saved_state_is_taken_up_to_the_last_bit(
    backbone: Backbone,
    images: oti_batches.Images,
    pool: PhrasePool,
    tmp_path: Path,
    cut: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = oti.optimise(backbone, images, pool, SETTINGS, seed=0, work=tmp_path / "whole")
    real, calls = oti._step, []

    def step(batch: oti_batches.Batch, state: oti.State, *given: Any, **settings: Any) -> Tensor:
        calls.append(state.step)
        if len(calls) == 10:  # in the second batch
            raise KeyboardInterrupt
        return real(batch, state, *given, **settings)

    work = tmp_path / "cut"
    with monkeypatch.context() as patched:
        patched.setattr(oti, "_step", step)
        with pytest.raises(KeyboardInterrupt):
            oti.optimise(backbone, images, pool, SETTINGS, seed=0, work=work, seconds_between_saves=0)
    state = work / "000000004.safetensors"
    assert oti.State.load(state, torch.device("cpu")).step == 3
    if cut == "broken":
        state.write_bytes(state.read_bytes()[:100])
    if cut == "foreign":
        state.write_bytes(b"not a state")
    calls.clear()
    with monkeypatch.context() as patched:
        patched.setattr(oti, "_step", lambda *given, **own: (calls.append(given[1].step), real(*given, **own))[1])
        resumed = oti.optimise(backbone, images, pool, SETTINGS, seed=0, work=work)
    assert np.array_equal(resumed, whole)
    assert calls == [*([3, 4, 5] if cut == "unfinished" else range(6)), *range(6)]


def test_a_loss_that_is_no_number_names_the_images_and_saves_nothing(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool, tmp_path: Path
) -> None:
    features = pool.features.copy()
    features[pool.starts[2] : pool.starts[3]] = np.nan
    only = oti_batches.Images(
        images.image_ids[:3], images.features[:3], [np.array([2]), np.array([0, 1]), np.array([2])]
    )
    broken = dataclasses.replace(pool, features=features)
    with pytest.raises(CirqueError, match=r"2 of 3 losses are not finite .*00000001.JPEG, .*00000003.JPEG\); nothing"):
        oti.optimise(backbone, only, broken, dataclasses.replace(SETTINGS, steps=20), seed=0, work=tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_any_loss_there_is_nothing_to_invert(
    backbone: Backbone, images: oti_batches.Images, pool: PhrasePool, tmp_path: Path
) -> None:
    none = dataclasses.replace(SETTINGS, lambda_cos=0.0, lambda_gpt=0.0)
    with pytest.raises(CirqueError, match="both 0"):
        oti.optimise(backbone, images, pool, none, seed=0, work=tmp_path)
