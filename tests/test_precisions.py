"""What computes in bf16 or fp16 gives what fp32 gives, as far as its fraction reaches; what is trained stays fp32."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cirque import devices
from cirque.encoders import backbones, clip, extraction, text, text_queries
from cirque.encoders.backbones import Backbone
from cirque.encoders.packed import PackedEncoder
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError
from cirque.inversion import oti, oti_batches
from cirque.store import provenance
from cirque.texts import phrase_pool
from cirque.trainers import lincir, pic2word, searle
from cirque.training.loop import Training, fit
from cirque.training.masked_captions import MaskedCaptions
from tests import plain_text, small_lincir, small_searle
from tests.inversion.test_oti import SETTINGS as OTI
from tests.trainers.test_lincir import SETTINGS as LINCIR
from tests.trainers.test_pic2word import SETTINGS as PIC2WORD
from tests.trainers.test_searle import SETTINGS as SEARLE

CPU = torch.device("cpu")

#: Widths of ViT-B/32, two blocks deep.
WIDE = {
    "embed_dim": 512,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 768, "head_width": 64, "patch_size": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 2},
}

HALVES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bf16", "fp16"])


@pytest.fixture(autouse=True)
def _as_it_was():
    threads, chosen = torch.get_num_threads(), dict(devices.chosen)
    yield
    torch.set_num_threads(threads)
    devices.chosen.clear()
    devices.chosen.update(chosen)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wide") / "weights.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = clip.build("wide", WIDE)
    backbones.save(model, path, encoder="clip", name="wide", config=WIDE, source="random", seed=0)
    return path


def cosines(rough: np.ndarray, fine: np.ndarray) -> np.ndarray:
    products: np.ndarray = (rough * fine).sum(-1) / np.linalg.norm(rough, axis=-1) / np.linalg.norm(fine, axis=-1)
    return products


# ---- frozen towers ---------------------------------------------------------------------------------------------------


@HALVES
def test_features_of_a_tower_of_real_width_point_where_those_in_fp32_do(wide: Path, dtype: torch.dtype) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)

    def features(of: torch.dtype) -> np.ndarray:
        encoder = backbones.load_images(wide, CPU, of)
        return extraction.encoder(encoder.encode_image, encoder.mean, encoder.std, CPU, of)(pixels)

    rough, fine = features(dtype), features(torch.float32)
    assert rough.dtype == np.float32
    assert not np.array_equal(rough, fine)
    assert cosines(rough, fine).min() >= 0.9999


@HALVES
def test_text_features_with_and_without_a_token_point_where_those_in_fp32_do(wide: Path, dtype: torch.dtype) -> None:
    texts = ["a photo of $ that is red", "a cat", "two dogs that sleep in the sun beside an old house $"]
    token = 0.02 * torch.randn((1, 512), generator=torch.Generator().manual_seed(0))

    def features(of: torch.dtype) -> np.ndarray:
        backbone = backbones.load(wide, CPU, dtype=of)
        plain, with_token = text.encode(backbone, texts), text.encode(backbone, [texts[0], texts[2]], token)
        assert plain.dtype == with_token.dtype == torch.float32
        return torch.cat([plain, with_token]).numpy()

    rough, fine = features(dtype), features(torch.float32)
    assert not np.array_equal(rough, fine)
    assert cosines(rough, fine).min() >= 0.9999


@HALVES
def test_queries_with_a_token_are_encoded_in_the_type_of_the_tower(wide: Path, dtype: torch.dtype) -> None:
    asked = Queries(["one", "two"], [["is red"], ["has wheels", "and is old"]], [None, None])
    tokens = 0.02 * np.random.default_rng(0).normal(size=(2, 512)).astype(np.float32)

    def features(of: torch.dtype) -> np.ndarray:
        backbone = backbones.load(wide, CPU, dtype=of)
        assert PackedEncoder(backbone).dtype == of
        return text_queries.encode(asked, backbone, "a photo of $ that {caption}", tokens)

    rough, fine = features(dtype), features(torch.float32)
    assert not np.array_equal(rough, fine)
    assert cosines(rough, fine).min() >= 0.9999


def test_no_text_has_no_feature_in_any_precision(wide: Path) -> None:
    assert text.encode(backbones.load(wide, CPU, dtype=torch.bfloat16), []).dtype == torch.float32


# ---- what learns through a frozen tower ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> phrase_pool.PhrasePool:
    return phrase_pool.load(*small_searle.write_phrases(tmp_path_factory.mktemp("pool")))


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def of_lincir(backbone: Backbone, pool: phrase_pool.PhrasePool, dtype: torch.dtype) -> Training:
    settings = replace(LINCIR, steps=24, selection="last", dropout=0.0, learning_rate=0.003)
    source = MaskedCaptions(backbone, small_lincir.corpus(backbone), settings, seed=0, dtype=dtype)
    return lincir.training(source, settings, seed=0)


def of_pic2word(backbone: Backbone, pool: phrase_pool.PhrasePool, dtype: torch.dtype) -> Training:
    own = plain_text.build(plain_text.SMALL)
    settings = replace(PIC2WORD, epochs=12, dropout=0.0, learning_rate=0.003)
    return pic2word.training(5 * normal(11, own.dim), own, settings, seed=0, dtype=dtype)


def of_searle(backbone: Backbone, pool: phrase_pool.PhrasePool, dtype: torch.dtype) -> Training:
    settings = replace(SEARLE, epochs=12, dropout=0.0, learning_rate=0.003)
    n = len(small_searle.IMAGES)
    examples = searle.Examples(small_searle.IMAGES, normal(n, small_searle.DIM), normal(n, small_searle.TOKEN_DIM))
    concepts = [small_searle.CONCEPTS] * n
    regulariser = searle.regulariser_of(backbone, pool, small_searle.IMAGES, concepts, settings, seed=0, dtype=dtype)
    return searle.training(examples, regulariser, settings, seed=0)


def curve(training: Training, losses: list[float], folder: Path) -> list[float]:
    """The loss of each step, the first of those that the training has; what is trained is fp32 to the end."""
    own = training.loss

    def noted(batch: Any, step: int) -> Mapping[str, Tensor]:
        found = own(batch, step)
        losses.append(found[training.losses[0]].item())
        assert all(loss.dtype == torch.float32 for loss in found.values())
        return found

    fit(replace(training, loss=noted), folder / "state.safetensors")
    assert {weight.dtype for weight in training.network.parameters()} == {torch.float32}
    return losses


@pytest.mark.parametrize("made", [of_lincir, of_pic2word, of_searle], ids=["lincir", "pic2word", "searle"])
def test_a_network_learns_in_bf16_as_it_does_in_fp32(
    made: Callable[..., Training], backbone: Backbone, pool: phrase_pool.PhrasePool, tmp_path: Path
) -> None:
    fine, rough = (
        np.array(curve(made(backbone, pool, dtype), [], tmp_path / str(dtype)))
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert len(fine) >= 24
    assert fine[-4:].mean() < fine[:4].mean()
    assert not np.array_equal(fine, rough)
    assert (np.abs(rough - fine) / np.abs(fine)).max() < 0.02


def test_tokens_are_inverted_in_bf16_as_in_fp32(backbone: Backbone, pool: phrase_pool.PhrasePool) -> None:
    n, steps = 6, 40
    settings = replace(OTI, steps=steps, batch=n)
    allowed = [np.arange(len(small_searle.CONCEPTS))] * n
    images = oti_batches.Images(small_searle.IMAGES[:n], normal(n, small_searle.DIM).numpy(), allowed)

    def losses(dtype: torch.dtype) -> np.ndarray:
        batch = oti_batches.Batch(oti_batches.encoder_for(backbone, dtype), images, pool, settings, seed=0)
        tokens = oti.State.initial(images.image_ids, backbone.token_dim, settings.init_std, 0, CPU).tokens
        tokens.requires_grad_(True)
        optimiser = torch.optim.AdamW([tokens], lr=settings.learning_rate, weight_decay=settings.weight_decay)
        found = []
        for step in range(steps):
            loss = oti.inversion_loss(*batch.losses(tokens, batch.texts_of(step)), settings)
            assert loss.dtype == torch.float32
            (tokens.grad,) = torch.autograd.grad(loss.sum(), tokens)
            optimiser.step()
            found.append(float(loss.detach().mean()))
        assert tokens.dtype == torch.float32
        return np.array(found)

    fine, rough = losses(torch.float32), losses(torch.bfloat16)
    assert fine[-8:].mean() < fine[:8].mean()
    assert not np.array_equal(fine, rough)
    # AdamW's steps are of one size whatever the gradient's: where a small one turns, single steps lie apart.
    gaps = np.abs(rough - fine) / fine
    assert gaps.mean() < 0.01
    assert gaps.max() < 0.1


# ---- one place that decides ------------------------------------------------------------------------------------------


def test_half_precision_is_refused_on_a_processor_with_what_helps() -> None:
    with pytest.raises(CirqueError, match=r"fp16 is for a GPU.*set fp32 or bf16 in the section `precision`"):
        devices.prepare(1, "cpu", "fp16")


def test_what_was_computed_in_stands_in_the_record_and_an_unfinished_state_is_of_one_precision() -> None:
    found = []
    for precision in ("fp32", "tf32", "bf16"):
        devices.prepare(1, "cpu", precision)  # type: ignore[arg-type]
        record = provenance._machine()
        assert (record["device"], record["precision"]) == ("cpu", precision)
        found.append(provenance.fingerprint("train_network", inputs=[], seed=0))
    assert len(set(found)) == 3
