"""Training of a Combiner: a plain loop beside it, texts and images of triplets, resuming, and what is refused."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cirque import draws
from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.encoders.features import write_features
from cirque.errors import CirqueError
from cirque.networks import combiner
from cirque.store import files, schemas
from cirque.trainers import combiner as trainer
from cirque.training import loop
from cirque.training.loop import epoch_batches
from tests import plain_text, small_searle

DIM = plain_text.SMALL["embed_dim"]

SETTINGS = trainer.Settings(
    projection_dim=10, hidden_dim=14, dropout=0.5, epochs=3, batch=4, learning_rate=0.01, scale=100.0
)

IMAGES = [f"image {number}" for number in range(7)]
ROWS = [
    {
        "reference_id": IMAGES[number % 7],
        "captions": [f"has {number} wheels"] if number % 2 else [f"is {number} times red.", " and older? "],
        "target_id": IMAGES[(3 * number + 1) % 7],
    }
    for number in range(11)
]


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return plain_text.build(plain_text.SMALL)


@pytest.fixture(scope="module")
def features() -> Tensor:
    return 5 * torch.randn((len(IMAGES), DIM), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def examples(backbone: Backbone, features: Tensor) -> trainer.Examples:
    return trainer.examples_of(ROWS, IMAGES, features, backbone)


def trained(
    examples: trainer.Examples, folder: Path, settings: trainer.Settings = SETTINGS, seed: int = 0
) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    network, log = trainer.train(examples, settings, seed=seed, state_path=folder / "state.safetensors")
    return network.state_dict(), log


# ---- texts ---------------------------------------------------------------------------------------------------------


def test_one_caption_is_said_as_it_stands() -> None:
    assert trainer.wordings(["Has two wheels. "]) == ["Has two wheels. "]


def test_two_captions_are_said_in_the_four_ways_of_the_release() -> None:
    assert trainer.wordings(["is red.", " older?"]) == ["is red and older", "older and is red", "is red", "older"]


def test_each_way_is_as_likely_and_belongs_to_the_epoch() -> None:
    choices = [[0, 1, 2, 3]] * 4000
    drawn = trainer.drawn_texts(choices, 0, 0)
    assert all(abs(count - 1000) < 120 for count in Counter(drawn).values())
    assert drawn == trainer.drawn_texts(choices, 0, 0)
    assert drawn != trainer.drawn_texts(choices, 0, 1)
    assert drawn != trainer.drawn_texts(choices, 1, 0)


def test_features_of_texts_are_those_of_the_tower_un_normalised(backbone: Backbone, examples: trainer.Examples) -> None:
    for number, row in enumerate(ROWS):
        expected = text.encode(backbone, trainer.wordings(row["captions"]))
        assert torch.allclose(examples.texts[examples.choices[number]], expected, atol=1e-5)
    assert not torch.allclose(examples.texts.norm(dim=-1), torch.ones(len(examples.texts)))


def test_a_text_over_the_context_is_cut_as_released(backbone: Backbone, features: Tensor) -> None:
    long = {**ROWS[1], "captions": ["red " * 200]}
    cut = {**ROWS[1], "captions": ["red " * 75]}
    found = trainer.examples_of([long, cut], IMAGES, features, backbone).texts
    assert torch.allclose(found[0], found[1], atol=1e-6)


# ---- the training --------------------------------------------------------------------------------------------------


def plain_loss(queries: Tensor, targets: Tensor) -> Tensor:
    """−log of each query's own share among the batch's targets, term by term."""
    total = torch.zeros(())
    for row, query in enumerate(queries):
        scores = torch.stack([100 * query @ target / target.norm() for target in targets])
        total = total - (scores[row] - scores.logsumexp(0))
    return total / len(queries)


def test_the_loss_is_that_of_plain_code() -> None:
    generator = torch.Generator().manual_seed(3)
    queries = torch.nn.functional.normalize(torch.randn((5, DIM), generator=generator))
    targets = 4 * torch.randn((5, DIM), generator=generator)
    found = trainer.contrastive_loss(queries, targets, 100.0)
    assert found.item() == pytest.approx(plain_loss(queries, targets).item(), rel=1e-5)


def test_training_is_adam_on_the_plain_loss(
    backbone: Backbone, features: Tensor, examples: trainer.Examples, tmp_path: Path
) -> None:
    """An independent loop of six steps with the same order, texts and dropout seeds."""
    network = combiner.initial(DIM, 10, 14, 0.5, 5).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for step in range(6):
        epoch, place = divmod(step, 2)
        shares = draws.generator(5, "combiner texts", epoch).random(len(ROWS))
        chosen = epoch_batches(len(ROWS), 4, 5, epoch)[place]
        words = [trainer.wordings(ROWS[number]["captions"]) for number in chosen]
        said = [own[int(shares[number] * len(own))] for own, number in zip(words, chosen, strict=True)]
        with torch.no_grad():
            texts = text.encode(backbone, said)
        references, targets = (
            features[[IMAGES.index(ROWS[number][key]) for number in chosen]] for key in ("reference_id", "target_id")
        )
        torch.manual_seed(draws.seed_of(5, "combiner dropout", step))
        loss = plain_loss(network(references, texts), targets)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(loss.item())
    state, log = trained(examples, tmp_path, seed=5)
    expected = [sum(losses[2 * epoch : 2 * epoch + 2]) / 2 for epoch in range(3)]
    assert [row["value"] for row in log] == pytest.approx(expected, rel=1e-4)
    assert [(row["epoch"], row["loss"], row["step"]) for row in log] == [
        (epoch, "contrastive", 2 * (epoch + 1)) for epoch in range(3)
    ]
    for name, value in network.state_dict().items():
        assert torch.allclose(state[name], value, atol=1e-4), name


def test_queries_learn_to_find_their_targets(examples: trainer.Examples, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, epochs=80, batch=11, dropout=0.0, projection_dim=40, hidden_dim=40)
    _, log = trained(examples, tmp_path, settings)
    assert log[-1]["value"] < 0.2 * log[0]["value"]


def test_another_seed_is_another_network(examples: trainer.Examples, tmp_path: Path) -> None:
    (first, _), (second, _) = (trained(examples, tmp_path / str(seed), seed=seed) for seed in (0, 1))
    assert not torch.equal(first["output_layer.weight"], second["output_layer.weight"])


class PowerCutError(Exception):
    """Stands for a kill at a chosen moment."""


@pytest.mark.parametrize("after", [1, 2, 5])
def test_a_training_that_was_cut_off_ends_with_the_same_bits(
    after: int, examples: trainer.Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, log = trained(examples, tmp_path)
    path = tmp_path / "cut.safetensors"
    step = loop._step

    def cut(state: loop.TrainingState, *args: Any) -> dict[str, Tensor]:
        if state.step == after:
            raise PowerCutError
        return step(state, *args)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "_step", cut)
        with pytest.raises(PowerCutError):
            trainer.train(examples, SETTINGS, seed=0, state_path=path, seconds_between_saves=0.0)
    torch.rand(7)  # a new process has other random numbers
    network, again = trainer.train(examples, SETTINGS, seed=0, state_path=path)
    assert again == log
    assert all(torch.equal(whole[name], value) for name, value in network.state_dict().items())


# ---- files and faults ----------------------------------------------------------------------------------------------


def prepared(folder: Path, rows: list[dict[str, Any]], statuses: list[str] | None = None) -> loop.Training:
    """The training on files, on the small backbone of the tests."""
    weights = small_searle.write_backbone(folder)
    features, triplets = folder / "00000.parquet", folder / "triplets.parquet"
    statuses = statuses or ["ok"] * len(IMAGES)
    array = np.random.default_rng(0).normal(size=(statuses.count("ok"), small_searle.DIM)).astype(np.float32)
    write_features(features, IMAGES, statuses, array)
    files.write_rows(triplets, rows, schemas.TRIPLETS)
    return trainer.prepare(
        triplets=triplets,
        features=[features],
        weights=weights,
        settings=SETTINGS,
        seed=0,
        device=torch.device("cpu"),
        dtype=torch.float32,
    )


def test_a_triplet_goes_with_an_image_that_failed_and_is_counted(tmp_path: Path) -> None:
    training = prepared(tmp_path, ROWS, ["cannot be decoded", *["ok"] * 6])
    lost = sum(IMAGES[0] in (row["reference_id"], row["target_id"]) for row in ROWS)
    assert lost
    assert training.metadata([]) == {"n_triplets": len(ROWS) - lost, "n_left_out": lost}
    assert [path.name for path in training.inputs] == ["triplets.parquet", "00000.parquet", "weights.safetensors"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"triplets\.parquet: of 0 triplets none has features of both its images"),
        ([{**ROWS[0], "target_id": "elsewhere"}] * 2, r"1 of its images are not in the image set \(elsewhere\)"),
        ([{**ROWS[0], "captions": []}, ROWS[1]], r"1 triplets have no caption \(first: image 0 to image 1\)"),
        (ROWS[:1], "3 epochs in batches of 4 from 1 triplets have nothing to contrast"),
    ],
)
def test_triplets_that_teach_nothing_are_refused(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(CirqueError, match=message):
        prepared(tmp_path, rows)


@pytest.mark.parametrize("changes", [{"batch": 1}, {"epochs": 0}])
def test_settings_that_contrast_nothing_are_refused(examples: trainer.Examples, changes: dict[str, Any]) -> None:
    with pytest.raises(CirqueError, match="nothing to contrast"):
        trainer.training(examples, dataclasses.replace(SETTINGS, **changes), seed=0)


def test_features_of_another_backbone_are_refused(backbone: Backbone, features: Tensor) -> None:
    with pytest.raises(CirqueError, match="image features have 5 dimensions and the backbone random has 24"):
        trainer.examples_of(ROWS, IMAGES, features[:, :5], backbone)


def test_a_loss_that_is_not_finite_is_an_error(examples: trainer.Examples, tmp_path: Path) -> None:
    broken = dataclasses.replace(examples, features=examples.features * torch.nan)
    with pytest.raises(CirqueError, match=r"combiner: the losses are .*nan.* at step 0"):
        trained(broken, tmp_path)
