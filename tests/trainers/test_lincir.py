import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cirque import draws
from cirque.encoders.backbones import Backbone
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError
from cirque.evaluation import ranking
from cirque.networks import phi
from cirque.store import schemas
from cirque.trainers import lincir as lincir_training
from cirque.training import loop as training
from cirque.training.masked_captions import Corpus, MaskedCaptions
from cirque.training.noise import NOISES, draw_noise
from cirque.training.selection import best_line
from cirque.training.validation import Validation
from tests import plain_text, small_lincir, small_searle

SETTINGS = lincir_training.Settings(
    steps=7,
    batch=4,
    learning_rate=0.01,
    weight_decay=0.01,
    dropout=0.5,
    input="text",
    masking="substring",
    noise="lincir",
    noise_scale=1.0,
    selection="last",
    validate_every=2,
)

N = len(small_lincir.CAPTIONS)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="module")
def corpus(backbone: Backbone) -> Corpus:
    return small_lincir.corpus(backbone)


def source_of(
    backbone: Backbone, corpus: Corpus, settings: lincir_training.Settings = SETTINGS, seed: int = 0
) -> MaskedCaptions:
    return MaskedCaptions(backbone, corpus, settings, seed=seed)


def trained(
    backbone: Backbone,
    corpus: Corpus,
    settings: lincir_training.Settings,
    folder: Path,
    validation: Validation | None = None,
    **other: float,
) -> tuple[dict[str, Tensor], list[dict[str, object]]]:
    network, log = lincir_training.train(
        source_of(backbone, corpus, settings),
        settings,
        seed=0,
        state_path=folder / "state.safetensors",
        judged=validation,
        **other,
    )
    assert not network.training
    return network.state_dict(), log


# ---- noise ---------------------------------------------------------------------------------------------------------

#: Spec lincir §5: mean and standard deviation of the norm, by noise and dimension.
NORMS = {
    "normal": {768: (27.7, 0.7), 1024: (32.0, 0.7), 1280: (35.8, 0.7)},
    "lincir": {768: (13.7, 8.0), 1024: (16.0, 9.2), 1280: (18.0, 10.2)},
    "uniform": {768: (16.0, 0.3), 1024: (18.5, 0.3), 1280: (20.7, 0.3)},
    "exponential": {768: (39.2, 1.6), 1024: (45.2, 1.6), 1280: (50.6, 1.6)},
    "chi2": {768: (47.9, 2.8), 1024: (55.5, 2.8), 1280: (61.9, 2.8)},
    "student-t": {768: (47, 8), 1024: (55, 9), 1280: (61, 7)},
}


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("dim", [768, 1024, 1280])
def test_the_norms_of_noise_are_those_of_the_papers_tables(name: str, dim: int) -> None:
    n = 2000
    norms = np.linalg.norm(draw_noise(name, 0, [f"c{i}" for i in range(n)], 0, dim), axis=1)
    mean, deviation = NORMS[name][dim]
    assert norms.mean() == pytest.approx(mean, abs=0.06 + 4 * deviation / n**0.5)
    if name == "student-t":  # t(3) has no fourth moment: the norm's deviation is itself a matter of chance
        assert 4 < norms.std() < 20
    else:
        assert norms.std() == pytest.approx(deviation, abs=0.06 + 0.1 * deviation)


def test_released_noise_is_gaussian_with_one_uniform_factor_a_sample() -> None:
    noise = draw_noise("lincir", 0, [f"c{i}" for i in range(500)], 0, 4096)
    factors = noise.std(axis=1)
    assert np.abs(np.quantile(factors, [0.25, 0.5, 0.75]) - [0.25, 0.5, 0.75]).max() < 0.07
    assert 0.0 < factors.min() < factors.max() < 1.05
    halves = noise[:, :2048].std(axis=1) / noise[:, 2048:].std(axis=1)
    assert np.abs(halves - 1).max() < 0.1


def test_no_noise_is_none() -> None:
    assert not draw_noise("none", 0, ["a", "b"], 0, 5).any()
    assert set(NOISES) == {"none", *NORMS}


@pytest.mark.parametrize("name", sorted(NORMS))
def test_noise_belongs_to_seed_caption_and_pass_and_not_to_the_batch(name: str) -> None:
    both = draw_noise(name, 0, ["a", "b"], 0, 9)
    assert np.array_equal(both[1:], draw_noise(name, 0, ["b"], 0, 9))
    others = [
        both[0],
        both[1],
        *(draw_noise(name, *key, 9)[0] for key in [(1, ["a"], 0), (0, ["a"], 1)]),
    ]
    assert len({row.tobytes() for row in others}) == 4


# ---- batches -------------------------------------------------------------------------------------------------------


def captions_of(source: MaskedCaptions, step: int) -> list[int]:
    """Rows of a step's captions, found again by their features."""
    features = torch.from_numpy(source.corpus.features)
    return [int((features == row).all(dim=1).nonzero()) for row in source.batch(step).features]


def test_each_pass_gives_whole_batches_of_different_captions_in_an_order_of_its_own(
    backbone: Backbone, corpus: Corpus
) -> None:
    source = source_of(backbone, corpus)
    assert source.per_epoch == 3
    passes = [[row for step in range(3) for row in captions_of(source, 3 * epoch + step)] for epoch in range(4)]
    assert all(len(seen) == len(set(seen)) == 12 for seen in passes)
    assert len(set(map(tuple, passes))) == 4
    assert len({*range(N)} - {row for seen in passes for row in seen}) == 0


def test_fewer_captions_than_a_batch_make_one_batch(backbone: Backbone, corpus: Corpus) -> None:
    source = source_of(backbone, corpus, dataclasses.replace(SETTINGS, batch=500))
    assert sorted(captions_of(source, 0)) == sorted(captions_of(source, 1)) == list(range(N))


def test_phi_reads_the_feature_with_noise_times_its_scale(backbone: Backbone, corpus: Corpus) -> None:
    names = [row["caption_id"] for row in small_lincir.rows()]
    for scale in (0.0, 1.0, 2.5):
        source = source_of(backbone, corpus, dataclasses.replace(SETTINGS, noise_scale=scale))
        noise = draw_noise("lincir", 0, names, 1, small_searle.DIM)
        rows = captions_of(source, 4)
        assert np.allclose(source.batch(4).noisy, corpus.features[rows] + scale * noise[rows], atol=1e-6)


def test_phi_reads_the_images_with_the_same_noise_and_meets_the_captions(backbone: Backbone, corpus: Corpus) -> None:
    images = np.random.default_rng(1).normal(size=corpus.features.shape).astype(np.float32)
    settings = dataclasses.replace(SETTINGS, input="image")
    text, image = source_of(backbone, corpus), source_of(backbone, dataclasses.replace(corpus, images=images), settings)
    for step in (0, 4):
        rows, one, other = captions_of(text, step), text.batch(step), image.batch(step)
        assert torch.equal(one.features, other.features)
        assert torch.equal(one.masked.ids, other.masked.ids)
        noise = one.noisy.numpy() - corpus.features[rows]
        assert np.allclose(other.noisy, images[rows] + noise, atol=1e-6)
    without = source_of(
        backbone, dataclasses.replace(corpus, images=images), dataclasses.replace(settings, noise="none")
    )
    assert np.array_equal(without.batch(0).noisy, images[captions_of(without, 0)])


def test_images_are_given_for_the_input_image_and_only_then(backbone: Backbone, corpus: Corpus) -> None:
    settings = dataclasses.replace(SETTINGS, input="image")
    with pytest.raises(CirqueError, match="the input is image and the captions have no image features"):
        source_of(backbone, corpus, settings)
    images = np.zeros_like(corpus.features)
    with pytest.raises(CirqueError, match="the input is text and the captions have image features"):
        source_of(backbone, dataclasses.replace(corpus, images=images))
    with pytest.raises(CirqueError, match=r"image features of shape \[12, 8\] for 13 captions"):
        source_of(backbone, dataclasses.replace(corpus, images=images[1:]), settings)


def test_a_pass_has_random_words_of_its_own_and_keywords_that_stay(backbone: Backbone, corpus: Corpus) -> None:
    row = small_lincir.rows()[0]
    masked = {
        name: {
            source_of(backbone, corpus, dataclasses.replace(SETTINGS, masking=name)).texts.masked([row], epoch)[0]
            for epoch in range(20)
        }
        for name in ("substring", "random-word")
    }
    assert masked["substring"] == {"[$] is [$] and [$]"}
    assert len(masked["random-word"]) > 3


# ---- the loss ------------------------------------------------------------------------------------------------------


def plain_loss(source: MaskedCaptions, step: int, network: Callable[[Tensor], Tensor]) -> Tensor:
    """One step written out: both texts at the full context, one by one, mean squared error by hand."""
    rows = [small_lincir.rows()[row] for row in captions_of(source, step)]
    epoch = step // source.per_epoch
    names = [str(row["caption_id"]) for row in rows]
    z = plain_text.encode(source.backbone, [str(row["caption"]) for row in rows])
    noise = draw_noise(source.settings.noise, source.seed, names, epoch, z.shape[1])
    tokens = network(z + source.settings.noise_scale * torch.from_numpy(noise))
    texts = [masked.replace("[$]", " $ ") for masked in source.texts.masked(rows, epoch)]
    predicted = plain_text.encode(source.backbone, texts, tokens, replace="all")
    return ((predicted - z) ** 2).sum() / z.numel()


@pytest.mark.parametrize("masking", ["substring", "random-word", "prompt"])
@pytest.mark.parametrize("noise", ["lincir", "none"])
def test_loss_and_gradients_of_a_step_are_those_of_plain_code(
    masking: str, noise: str, backbone: Backbone, corpus: Corpus
) -> None:
    settings = dataclasses.replace(SETTINGS, masking=masking, noise=noise, batch=N)
    source = source_of(backbone, corpus, settings, seed=3)
    network = phi.initial(small_searle.DIM, small_searle.TOKEN_DIM, 0.0, 1)
    batch = source.batch(2)
    loss, plain = source.loss(batch, network(batch.noisy)), plain_loss(source, 2, network)
    assert loss.item() == pytest.approx(plain.item(), rel=1e-6)
    gradients = [torch.autograd.grad(value, list(network.parameters())) for value in (loss, plain)]
    for ours, expected in zip(*gradients, strict=True):
        assert expected.abs().max() > 0
        assert (ours - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_training_is_adamw_on_that_loss(backbone: Backbone, corpus: Corpus, tmp_path: Path) -> None:
    """An independent loop over a pass and a half that has the same order, draws and dropout seeds."""
    settings = dataclasses.replace(SETTINGS, steps=5)
    source = source_of(backbone, corpus, settings)
    network = phi.initial(small_searle.DIM, small_searle.TOKEN_DIM, 0.5, 0).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses = []
    for step in range(5):
        torch.manual_seed(draws.seed_of(0, "lincir dropout", step))
        loss = plain_loss(source, step, network)
        losses.append(loss.item())
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    state, log = trained(backbone, corpus, settings, tmp_path)
    assert log == [{"step": 5, "epoch": 1, "loss": "mse", "value": pytest.approx(np.mean(losses), rel=1e-5)}]
    for name, value in network.state_dict().items():
        assert torch.allclose(state[name], value, atol=1e-4), name


def test_phi_learns_tokens_that_stand_for_the_keywords(
    backbone: Backbone, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lincir_training, "STEPS_BETWEEN_LINES", 20)
    settings = dataclasses.replace(SETTINGS, steps=200, dropout=0.0, noise="none", batch=N, learning_rate=0.003)
    _, log = trained(backbone, corpus, settings, tmp_path)
    assert log[-1]["value"] < 0.4 * log[0]["value"]  # type: ignore[operator]


def test_the_log_has_a_line_each_hundred_steps_and_one_for_the_rest(
    backbone: Backbone, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(backbone, corpus, dataclasses.replace(SETTINGS, steps=1), tmp_path)[1]
    monkeypatch.setattr(lincir_training, "STEPS_BETWEEN_LINES", 3)
    log = trained(backbone, corpus, SETTINGS, tmp_path)[1]
    assert [(row["step"], row["epoch"], row["loss"]) for row in log] == [(3, 0, "mse"), (6, 1, "mse"), (7, 2, "mse")]
    monkeypatch.setattr(lincir_training, "STEPS_BETWEEN_LINES", 1)
    each = [row["value"] for row in trained(backbone, corpus, SETTINGS, tmp_path)[1]]
    assert [row["value"] for row in log] == pytest.approx([np.mean(each[:3]), np.mean(each[3:6]), each[6]])
    assert whole[0]["value"] == each[0]


# ---- selection -----------------------------------------------------------------------------------------------------

BEST = dataclasses.replace(SETTINGS, selection="best")


def validation_of(backbone: Backbone, n: int = 9) -> Validation:
    """Each query's reference is one image and its target the next; features are random."""
    features = np.random.default_rng(5).normal(size=(n, small_searle.DIM)).astype(np.float32)
    ids = [f"img{i}" for i in range(n)]
    blank = dict.fromkeys(schemas.QUERIES.names)
    queries = [
        {
            **blank,
            "query_id": f"q{i}",
            "reference_id": ids[i],
            "captions": [f"is {i}"],
            "target_ids": [ids[(i + 1) % n]],
        }
        for i in range(n)
    ]
    asked = Queries([f"q{i}" for i in range(n)], [[f"is {i}"] for i in range(n)], [None] * n)
    gallery = ranking.Gallery(ids, ranking.normalise(features, ids), [""] * n)
    return Validation(queries, asked, backbone, features, gallery)


class Sum(Validation):
    """Judges a network by a sum of its weights, which changes with each step and peaks somewhere."""

    def recall(self, network: phi.Phi) -> float:
        assert not network.training
        return float(torch.sin(300 * network.layers[6].bias.detach().sum()))


def sum_of(backbone: Backbone) -> Sum:
    judged = validation_of(backbone)
    return Sum(**{field.name: getattr(judged, field.name) for field in dataclasses.fields(judged)})


def test_r_at_1_of_a_network_is_that_of_its_queries_ranked_one_by_one(backbone: Backbone) -> None:
    validation = validation_of(backbone)
    network = phi.initial(small_searle.DIM, small_searle.TOKEN_DIM, 0.0, 1).eval()
    features = torch.from_numpy(validation.reference_features)
    with torch.no_grad():
        texts = [f"a photo of $ that is {i}" for i in range(9)]
        composed = plain_text.encode(backbone, texts, network(features))
    scores = composed @ torch.nn.functional.normalize(features, dim=1).T
    scores.fill_diagonal_(-torch.inf)
    right = [int(row.argmax()) == (i + 1) % 9 for i, row in enumerate(scores)]
    assert validation.recall(network) == pytest.approx(100 * np.mean(right))
    perfect = dataclasses.replace(
        validation,
        queries=[
            {**q, "target_ids": [f"img{int(row.argmax())}"]} for q, row in zip(validation.queries, scores, strict=True)
        ],
    )
    assert perfect.recall(network) == 100.0


def test_best_keeps_the_network_of_the_step_with_the_highest_recall(
    backbone: Backbone, corpus: Corpus, tmp_path: Path
) -> None:
    judge = sum_of(backbone)
    settings = dataclasses.replace(BEST, steps=9)
    state, log = trained(backbone, corpus, settings, tmp_path, judge)
    recalls = {row["step"]: row["value"] for row in log if row["loss"] == "R@1"}
    assert list(recalls) == [2, 4, 6, 8, 9]
    best = max(recalls, key=lambda step: recalls[step])  # type: ignore[arg-type]
    assert best != 9
    assert best_line(log, lincir_training.RECALL)["step"] == best
    until, _ = trained(backbone, corpus, dataclasses.replace(SETTINGS, steps=best), tmp_path / "last")  # type: ignore[arg-type]
    assert all(torch.equal(state[name], value) for name, value in until.items())


def test_of_equal_recalls_the_earliest_is_kept() -> None:
    log = [{"step": step, "loss": "R@1", "value": value} for step, value in ((2, 1.0), (4, 3.0), (6, 3.0), (8, 2.0))]
    assert best_line([*log, {"step": 9, "loss": "mse", "value": 7.0}], lincir_training.RECALL)["step"] == 4


def test_validating_changes_no_bit_of_the_training(backbone: Backbone, corpus: Corpus, tmp_path: Path) -> None:
    def mse(log: list[dict[str, object]]) -> list[dict[str, object]]:
        return [row for row in log if row["loss"] == "mse"]

    judged = trained(backbone, corpus, BEST, tmp_path, validation_of(backbone))[1]
    assert mse(judged) == mse(trained(backbone, corpus, SETTINGS, tmp_path)[1])
    assert len(judged) > len(mse(judged))


def test_queries_without_targets_cannot_validate(backbone: Backbone) -> None:
    validation = validation_of(backbone)
    hidden = [{**query, "target_ids": []} for query in validation.queries]
    with pytest.raises(CirqueError, match=r"9 of 9 queries have no target \(q0, q1, q2 and 6 more\)"):
        dataclasses.replace(validation, queries=hidden)


def test_best_without_a_validation_is_an_error(backbone: Backbone, corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="validation queries, gallery and features are needed"):
        trained(backbone, corpus, BEST, tmp_path)


# ---- errors and resuming -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise": "cauchy"}, "no noise is called 'cauchy'; there are none, normal, uniform, exp"),
        ({"masking": "verbs"}, "no masking is called 'verbs'; there are substring, token"),
        ({"batch": 0}, "13 captions in batches of 0"),
        ({"steps": 0}, "steps 0, validate_every 2; 1 is the least"),
        ({"validate_every": 0}, "steps 7, validate_every 0"),
    ],
)
def test_settings_that_mean_nothing_are_errors(
    change: dict[str, object], message: str, backbone: Backbone, corpus: Corpus, tmp_path: Path
) -> None:
    with pytest.raises(CirqueError, match=message):
        trained(backbone, corpus, dataclasses.replace(SETTINGS, **change), tmp_path)  # type: ignore[arg-type]


def test_features_of_another_backbone_or_other_captions_are_errors(backbone: Backbone, corpus: Corpus) -> None:
    for cut in (corpus.features[:, :5], corpus.features[:5]):
        with pytest.raises(CirqueError, match=r"features of shape .* for 13 captions and the backbone small of 8"):
            source_of(backbone, dataclasses.replace(corpus, features=cut))
    with pytest.raises(CirqueError, match="0 captions in batches of 4"):
        source_of(backbone, Corpus(corpus.captions.slice(0, 0), corpus.features[:0]))


def test_words_that_are_not_the_captions_are_an_error_that_names_the_caption(
    backbone: Backbone, corpus: Corpus
) -> None:
    source = source_of(backbone, corpus, dataclasses.replace(SETTINGS, masking="token"))
    with pytest.raises(CirqueError, match=r"caption cc3m-00000-000000001: .*tag it again"):
        source.texts.masked([{**small_lincir.rows()[1], "words": ["another"], "pos": ["NOUN"]}], 0)


def test_a_loss_that_is_not_finite_is_an_error_that_names_the_step(
    backbone: Backbone, corpus: Corpus, tmp_path: Path
) -> None:
    broken = dataclasses.replace(corpus, features=corpus.features * np.float32(np.nan))
    with pytest.raises(CirqueError, match=r"the losses are .*nan.* at step 0;.*learning_rate"):
        trained(backbone, broken, SETTINGS, tmp_path)


class PowerCutError(Exception):
    """Stands for a kill at a chosen moment."""


@pytest.mark.parametrize("selection", ["last", "best"])
@pytest.mark.parametrize("after", [1, 3, 4, 6])
def test_a_training_that_was_cut_off_ends_with_the_same_bits(
    after: int,
    selection: str,
    backbone: Backbone,
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lincir_training, "STEPS_BETWEEN_LINES", 2)
    settings = dataclasses.replace(SETTINGS, selection=selection)
    judge = sum_of(backbone)
    whole, log = trained(backbone, corpus, settings, tmp_path / "whole", judge)
    step = training._step

    def cut(state: training.TrainingState, *args: object, **rest: object) -> dict[str, Tensor]:
        if state.step == after:
            raise PowerCutError
        return step(state, *args, **rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(training, "_step", cut)
        with pytest.raises(PowerCutError):
            trained(backbone, corpus, settings, tmp_path, judge, seconds_between_saves=0.0)
    torch.rand(7)  # a new process has other random numbers
    steps: list[int] = []

    def count(state: training.TrainingState, *args: object, **rest: object) -> dict[str, Tensor]:
        steps.append(state.step)
        return step(state, *args, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "_step", count)
    resumed, again = trained(backbone, corpus, settings, tmp_path, judge)
    assert steps == list(range(after, 7))
    assert again == log
    assert all(torch.equal(whole[name], value) for name, value in resumed.items())


def test_a_best_network_that_was_deleted_is_an_error_that_says_what_to_delete(
    backbone: Backbone, corpus: Corpus, tmp_path: Path
) -> None:
    trained(backbone, corpus, BEST, tmp_path, validation_of(backbone), seconds_between_saves=0.0)
    (tmp_path / "state-best.safetensors").unlink()
    with pytest.raises(CirqueError, match=r"state-best\.safetensors: no such file, .* delete .* and train again"):
        trained(backbone, corpus, BEST, tmp_path, validation_of(backbone))


def test_training_leaves_the_callers_random_numbers_alone(backbone: Backbone, corpus: Corpus, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    trained(backbone, corpus, SETTINGS, tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())
