import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cirque import draws
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.networks import palavra
from cirque.texts.templates import PALAVRA_TEMPLATES, TEMPLATES
from cirque.trainers import palavra as palavra_training
from cirque.training import loop as training
from cirque.training import word_sets
from cirque.training.word_sets import Examples, Labels
from tests import plain_text, small_lincir, small_palavra, small_searle
from tests.small_palavra import SETTINGS


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


def trained(
    backbone: Backbone, folder: Path, settings: palavra_training.Settings = SETTINGS, seed: int = 0
) -> tuple[dict[str, Tensor], list[dict[str, object]]]:
    network, log = palavra_training.train(
        small_palavra.examples(backbone, settings, seed),
        backbone,
        settings,
        seed=seed,
        state_path=folder / "state.safetensors",
    )
    return network.state_dict(), log


# ---- losses, written out -------------------------------------------------------------------------------------------


def unit(x: Tensor) -> Tensor:
    return x / (x @ x).sqrt()


def plain_cycle(meant: Tensor, read: Tensor, temperature: float) -> Tensor:
    """NT-Xent over the stacked unit vectors, anchor by anchor (spec searle §4, the code's form)."""
    rows = [unit(x) for x in (*meant, *read)]
    n, total = len(meant), torch.zeros(())
    for k, anchor in enumerate(rows):
        scores = [torch.exp(anchor @ other / temperature) for j, other in enumerate(rows) if j != k]
        positive = torch.exp(anchor @ rows[(k + n) % (2 * n)] / temperature)
        total = total - torch.log(positive / torch.stack(scores).sum())
    return total / (2 * n)


def plain_square(a: Tensor, b: Tensor) -> Tensor:
    """Mean over all components of the squared difference of unit vectors."""
    differences = torch.stack([(unit(x) - unit(y)).square().sum() for x, y in zip(a, b, strict=True)])
    return differences.sum() / a.numel()


def plain_of_tokens(
    backbone: Backbone, tokens: Tensor, labels: list[str], epoch: int, what: str
) -> tuple[Tensor, Tensor]:
    drawn = int(draws.generator(0, f"palavra prompt of {what}", epoch).integers(24))
    meant = plain_text.encode(backbone, [PALAVRA_TEMPLATES[drawn].replace("{}", label) for label in labels])
    read = plain_text.encode(backbone, [PALAVRA_TEMPLATES[drawn].replace("{}", " $ ")] * len(labels), tokens)
    first = [backbone.tokenizer.encode(label)[0] for label in labels]
    pieces = backbone.model.token_embedding.weight[first]
    return plain_cycle(meant, read, SETTINGS.temperature), plain_square(tokens, pieces)


def plain_losses(
    backbone: Backbone, network: palavra.PalavraPhi, words: list[int], epoch: int, of_captions: bool
) -> dict[str, Tensor]:
    """Both passes written from spec searle §8.1; the draws are the training's own."""
    examples = small_palavra.examples(backbone)
    pairs = examples.pairs
    if of_captions:
        drawn = [examples.captions(word, epoch) for word in words]
        texts = [text for _, own in drawn for text in own]
        features = plain_text.encode(backbone, texts)
        moved = features + features @ network.alignment.weight.T + network.alignment.bias
        sets = torch.stack([unit(x) for x in moved]).detach().view(len(words), SETTINGS.set_size, -1)
        labels = [name for name, _ in drawn]
        cycle, gt = plain_of_tokens(backbone, network.set_encoder(sets), labels, epoch, "captions")
        return {"cycle_of_captions": cycle, "gt_of_captions": gt}
    rows = examples.images(words, epoch)
    tokens = network.set_encoder(torch.from_numpy(pairs.images[rows]))
    labels = [examples.words.names[word] for word in words]
    cycle, gt = plain_of_tokens(backbone, tokens, labels, epoch, "images")
    features = torch.from_numpy(pairs.caption_features[rows.ravel()])
    moved = features + features @ network.alignment.weight.T + network.alignment.bias
    return {"cycle": cycle, "gt": gt, "alignment": plain_square(moved, torch.from_numpy(pairs.images[rows.ravel()]))}


@pytest.mark.parametrize("of_captions", [False, True])
def test_losses_and_gradients_are_those_of_plain_code(of_captions: bool, backbone: Backbone) -> None:
    network, words = small_palavra.network(backbone, seed=3), [0, 1, 4, 5]
    objective = palavra_training.Objective(backbone, small_palavra.examples(backbone), SETTINGS)
    batch = (objective.of_captions if of_captions else objective.of_images)(words, 1)
    losses = objective.losses(network, batch)
    plain = plain_losses(backbone, network, words, 1, of_captions)
    assert list(losses) == list(plain)
    weights = list(network.parameters())
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(plain[name].item(), rel=1e-5), name
        pairs = zip(
            torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True),
            torch.autograd.grad(plain[name], weights, retain_graph=True, allow_unused=True),
            strict=True,
        )
        for gradient, expected in pairs:
            assert (gradient is None) == (expected is None)
            if gradient is not None and expected is not None:
                assert (gradient - expected).norm() <= 1e-4 * expected.norm() + 1e-7


def test_the_alignment_learns_in_the_pass_over_images_alone(backbone: Backbone) -> None:
    network, words = small_palavra.network(backbone), [0, 1, 2]
    objective = palavra_training.Objective(backbone, small_palavra.examples(backbone), SETTINGS)
    for of_captions in (False, True):
        network.zero_grad()
        batch = (objective.of_captions if of_captions else objective.of_images)(words, 0)
        losses = objective.losses(network, batch)
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
        assert (network.alignment.weight.grad is None) == of_captions
        assert network.set_encoder.head[4].weight.grad is not None


def test_a_label_is_known_by_its_first_piece_alone(backbone: Backbone) -> None:
    labels = Labels(backbone)
    one, other, whole = labels.pieces(["red ball", "red box", "red"])
    assert torch.equal(one, other)
    assert torch.equal(one, whole)
    assert not torch.equal(one, labels.pieces(["ball"])[0])


def test_features_of_labels_are_the_same_whether_kept_or_made_anew(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, names = Labels(backbone), ["Cat", "Red ball", "Cat"]
    monkeypatch.setattr(word_sets, "LABELS_KEPT", 2)
    first = labels.features("A {}", names)
    labels.features("We see an {} in this photo", ["Box", "Photo", "Tomato, ripe"])
    assert len(labels._kept) == 2
    assert torch.allclose(labels.features("A {}", names), first, atol=1e-6)
    assert torch.allclose(first, plain_text.encode(backbone, ["A Cat", "A Red ball", "A Cat"]), atol=1e-4)


def test_a_label_of_no_text_is_an_error(backbone: Backbone) -> None:
    with pytest.raises(CirqueError, match="the label ' ' is no text"):
        Labels(backbone).pieces(["cat", " "])


# ---- draws ---------------------------------------------------------------------------------------------------------


def test_the_prompts_are_palavras_with_its_slips() -> None:
    assert len(PALAVRA_TEMPLATES) == 24
    assert [new for new, old in zip(PALAVRA_TEMPLATES, TEMPLATES, strict=True) if new != old] == [
        "This is an illustrations of a {}",
        "This illustrations contains a {}",
        "We see an {} in this photo",
        "We see an {} in this image",
        "We see an {} in this illustration",
    ]


def test_a_set_is_of_its_word_and_drawn_with_replacement(backbone: Backbone) -> None:
    examples = small_palavra.examples(backbone, dataclasses.replace(SETTINGS, set_size=40))
    for word, name in enumerate(examples.words.names):
        (rows,) = examples.images([word], 0)
        assert len(rows) == 40
        assert all(name in small_lincir.CAPTIONS[row].split() for row in rows)
        assert set(rows.tolist()) == set(examples.words.captions[word].tolist())


def test_draws_belong_to_the_word_and_the_epoch(backbone: Backbone) -> None:
    settings = dataclasses.replace(SETTINGS, set_size=20)
    examples, other = small_palavra.examples(backbone, settings), small_palavra.examples(backbone, settings, seed=1)
    assert np.array_equal(examples.images([0, 1], 2)[1], examples.images([1], 2)[0])
    assert not np.array_equal(examples.images([0], 2), examples.images([0], 3))
    assert not np.array_equal(examples.images([0], 2), other.images([0], 2))


def test_captions_speak_of_one_name_in_the_words_stead(backbone: Backbone) -> None:
    examples = small_palavra.examples(backbone)
    word = examples.words.names[0]
    drawn = [examples.captions(0, epoch) for epoch in range(30)]
    assert {name for name, _ in drawn} == {"Red ball", "Tomato"}
    wholes = {caption.replace(word, " NAME ", 1) for caption in small_lincir.CAPTIONS if word in caption.split()}
    assert all(caption.replace(name, "NAME", 1) in wholes for name, own in drawn for caption in own)


def test_every_word_has_its_turn_in_each_pass() -> None:
    batches = palavra_training.word_batches(10, 4, 0, 1, "images")
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert sorted(word for batch in batches for word in batch) == list(range(10))
    assert batches != palavra_training.word_batches(10, 4, 0, 1, "captions")
    assert batches != palavra_training.word_batches(10, 4, 0, 2, "images")


# ---- optimisation --------------------------------------------------------------------------------------------------


def test_the_released_schedule_falls_three_times_as_fast() -> None:
    papers = dataclasses.replace(SETTINGS, learning_rate=1e-4, decay=0.2, decay_every=200)
    falls = [epoch for epoch in range(1, 300) for rate in [palavra_training.learning_rate(epoch, False, papers)]
             if rate < palavra_training.learning_rate(epoch - 1, False, papers)]  # fmt: skip
    assert falls == [67, 134, 200, 267]
    assert palavra_training.learning_rate(66, True, papers) == 1e-4  # 199 steps were taken before it
    assert palavra_training.learning_rate(133, True, papers) == pytest.approx(2e-5 * 0.2)
    assert palavra_training.learning_rate(299, True, papers) == pytest.approx(1.6e-7)
    each = dataclasses.replace(papers, schedule="epoch")
    assert [palavra_training.learning_rate(epoch, True, each) for epoch in (199, 200)] == [1e-4, pytest.approx(2e-5)]


def test_training_is_two_adams_on_the_plain_losses(backbone: Backbone, tmp_path: Path) -> None:
    """An independent loop with the same order and dropout seeds, and two optimisers as released."""
    network = small_palavra.network(backbone, dropout=SETTINGS.dropout).train()
    first = torch.optim.Adam(network.set_encoder.parameters(), lr=0.01)
    second = torch.optim.Adam(network.alignment.parameters(), lr=0.02)
    scheduler = torch.optim.lr_scheduler.StepLR(first, step_size=2, gamma=0.5)
    sums: list[dict[str, float]] = []
    step = 0
    for epoch in range(3):
        sums.append(dict.fromkeys(palavra_training.LOSSES, 0.0))
        for what in ("images", "captions"):
            for words in palavra_training.word_batches(6, 4, 0, epoch, what):
                torch.manual_seed(draws.seed_of(0, "palavra dropout", step))
                losses = plain_losses(backbone, network, words, epoch, what == "captions")
                weighted = [loss * (16 if name.startswith("gt") else 1) for name, loss in losses.items()]
                first.zero_grad()
                second.zero_grad()
                torch.autograd.backward(sum(weighted, torch.zeros(())))
                first.step()
                if what == "images":
                    second.step()
                for name, loss in losses.items():
                    sums[-1][name] += loss.item() / 2
                step += 1
            scheduler.step()
        scheduler.step()  # after the test pass
    state, log = trained(backbone, tmp_path)
    expected = [value for means in sums for value in means.values()]
    assert [row["value"] for row in log] == pytest.approx(expected, rel=1e-3, abs=1e-5)
    for name, value in network.state_dict().items():
        assert torch.allclose(state[name], value, atol=1e-3), name


def test_the_log_has_the_mean_losses_of_each_epoch(backbone: Backbone, tmp_path: Path) -> None:
    _, log = trained(backbone, tmp_path)
    assert [(row["epoch"], row["step"], row["loss"]) for row in log] == [
        (epoch, 4 * (epoch + 1), name) for epoch in range(3) for name in palavra_training.LOSSES
    ]


def test_tokens_learn_to_mean_their_words(backbone: Backbone, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, epochs=120, dropout=0.0, width=48, batch=6, decay=1.0)
    _, log = trained(backbone, tmp_path, settings)
    first, last = ({str(row["loss"]): row["value"] for row in part} for part in (log[:5], log[-5:]))
    for name in ("cycle", "gt", "gt_of_captions"):
        assert last[name] < 0.9 * first[name], name  # type: ignore[operator]
    for name in ("alignment", "cycle_of_captions"):  # in this tower texts are nearly alike
        assert last[name] < 0.9 * first[name], name  # type: ignore[operator]


def test_the_backbone_is_left_as_it_is(backbone: Backbone, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in backbone.model.state_dict().items()}
    trained(backbone, tmp_path)
    assert all(torch.equal(before[name], value) for name, value in backbone.model.state_dict().items())
    assert all(value.grad is None for value in backbone.model.parameters())


# ---- errors and resuming -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"batch": 1}, {"n_words": 1}, {"set_size": 0}])
def test_a_batch_without_two_words_or_a_set_without_images_is_an_error(
    change: dict[str, int], backbone: Backbone, tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, **change)  # type: ignore[arg-type]
    with pytest.raises(CirqueError, match="nothing to contrast"):
        palavra_training.train(_few(backbone, settings), backbone, settings, seed=0, state_path=tmp_path)


def _few(backbone: Backbone, settings: palavra_training.Settings) -> Examples:
    examples = small_palavra.examples(backbone)
    words = examples.words
    kept = dataclasses.replace(words, names=words.names[: settings.n_words])
    return Examples(examples.pairs, kept, examples.names, settings.set_size, 0)


@pytest.mark.parametrize(("field", "what"), [("images", "image"), ("caption_features", "caption")])
def test_features_of_another_backbone_are_an_error(field: str, what: str, backbone: Backbone, tmp_path: Path) -> None:
    examples = small_palavra.examples(backbone)
    examples.pairs = dataclasses.replace(examples.pairs, **{field: np.ones((13, 5), dtype=np.float32)})
    with pytest.raises(CirqueError, match=f"{what} features have 5 dimensions and the backbone small has 8"):
        palavra_training.train(examples, backbone, SETTINGS, seed=0, state_path=tmp_path / "state")


def test_a_loss_that_is_not_finite_is_an_error_that_names_the_step(backbone: Backbone, tmp_path: Path) -> None:
    examples = small_palavra.examples(backbone)
    examples.pairs = dataclasses.replace(examples.pairs, images=examples.pairs.images * math.nan)
    with pytest.raises(CirqueError, match=r"the losses are .*nan.* at step 0;.*learning_rate"):
        palavra_training.train(examples, backbone, SETTINGS, seed=0, state_path=tmp_path / "state")


class PowerCutError(Exception):
    """Stands for a kill at a chosen moment."""


@pytest.mark.parametrize("after", [1, 2, 3, 4, 7, 11])
def test_a_training_that_was_cut_off_ends_with_the_same_bits(
    after: int, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, log = trained(backbone, tmp_path)
    path, step = tmp_path / "cut.safetensors", training._step

    def run(seconds: float) -> tuple[palavra.PalavraPhi, list[dict[str, object]]]:
        examples = small_palavra.examples(backbone)
        return palavra_training.train(
            examples, backbone, SETTINGS, seed=0, state_path=path, seconds_between_saves=seconds
        )

    def cut(state: training.TrainingState, *args: object, **rest: object) -> dict[str, Tensor]:
        if state.step == after:
            raise PowerCutError
        return step(state, *args, **rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(training, "_step", cut)
        with pytest.raises(PowerCutError):
            run(0.0)
    torch.rand(7)  # a new process has other random numbers
    steps: list[int] = []
    monkeypatch.setattr(
        training, "_step", lambda state, *args, **rest: steps.append(state.step) or step(state, *args, **rest)
    )
    network, again = run(60.0)
    assert steps == list(range(after, 12))
    assert again == log
    assert all(torch.equal(whole[name], value) for name, value in network.state_dict().items())


def test_training_leaves_the_callers_random_numbers_alone(backbone: Backbone, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    trained(backbone, tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())
