from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cirque.encoders import packing, text
from cirque.encoders.backbones import Backbone
from cirque.encoders.packed import PackedEncoder
from cirque.errors import CirqueError
from cirque.texts.templates import TEMPLATES
from tests import plain_text

STARTS = ["a photo of", *(template.split("{}")[0] for template in TEMPLATES)]

TEXTS = [
    "a photo of $ that has two wheels and $ beside it",
    "$",
    "A $",
    "We see a $ in this photo",
    "This illustration contains a $",
    "a photo of a small $ that " + "is very old " * 22,
    "here stands a $",
    "a photo of $ that " + "sits in the green garden " * 6,
]


@pytest.fixture(scope="module")
def real() -> Backbone:
    return plain_text.build(plain_text.REAL)


@pytest.fixture(scope="module")
def small() -> Backbone:
    return plain_text.build(plain_text.SMALL)


def random_tokens(backbone: Backbone, n: int) -> torch.Tensor:
    return (torch.randn((n, backbone.token_dim), generator=torch.Generator().manual_seed(1)) * 0.02).requires_grad_()


def differences(
    backbone: Backbone, encoder: PackedEncoder, texts: list[str], replace: text.Replace = "first"
) -> tuple[float, float]:
    """Largest differences of features and of gradients from the plain tower."""
    tokens = random_tokens(backbone, len(texts))
    ours = encoder(encoder.prepare(text.tokenize(backbone, texts)).pack(replace=replace), tokens)
    plain = plain_text.encode(backbone, texts, tokens, replace)
    gradients = [plain_text.loss_and_gradient(features, tokens)[1] for features in (ours, plain)]
    assert gradients[1].abs().max() > 1e-3
    return (ours - plain).abs().max().item(), (gradients[0] - gradients[1]).abs().max().item()


@contextmanager
def as_on_a_gpu(asked: bool = True) -> Iterator[None]:
    """Few buckets, and the attention of few kernels."""
    with pytest.MonkeyPatch.context() as patch:
        if asked:
            patch.setattr(packing, "launches_cost", lambda device: True)
        yield


@pytest.fixture(params=[False, True], ids=["processor", "gpu"])
def either(request: pytest.FixtureRequest) -> Iterator[None]:
    with as_on_a_gpu(request.param):
        yield


@pytest.mark.parametrize("replace", ["first", "all"])
def test_features_and_gradients_equal_the_full_context_at_the_real_size(
    real: Backbone, replace: text.Replace, either: None
) -> None:
    value, gradient = differences(real, PackedEncoder(real, STARTS), TEXTS, replace)
    assert value <= 1e-5
    assert gradient <= 1e-5


@given(
    st.lists(st.tuples(st.sampled_from(STARTS), st.integers(0, 12), st.integers(0, 50)), min_size=1, max_size=7),
    st.lists(st.sampled_from([*STARTS, "dog dog", "a"]), max_size=5),
    st.sampled_from(["first", "all"]),
    st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_any_prefixes_lengths_and_places_of_the_token_give_the_same(
    small: Backbone, shapes: list[tuple[str, int, int]], prefixes: list[str], replace: text.Replace, on_a_gpu: bool
) -> None:
    words = ["dog", "tree", "$", "sun"] * 13
    texts = [f"{start} {'dog ' * before} $ {' '.join(words[:after])}" for start, before, after in shapes]
    with as_on_a_gpu(on_a_gpu):
        value, gradient = differences(small, PackedEncoder(small, prefixes), texts, replace)
    assert value <= 1e-5
    assert gradient <= 1e-5


@pytest.mark.parametrize("changes", [{"layers": 1}, {"layers": 2}, {"ls_init_value": 0.3}, {"mlp_ratio": 2.0}])
def test_towers_of_other_shapes_give_the_same(changes: dict[str, object], either: None) -> None:
    backbone = plain_text.build(plain_text.SMALL, **changes)
    value, gradient = differences(backbone, PackedEncoder(backbone, STARTS), TEXTS)
    assert value <= 1e-5
    assert gradient <= 1e-5


def test_plain_gelu_gives_the_same() -> None:
    backbone = plain_text.build({**plain_text.SMALL, "quick_gelu": False})
    value, gradient = differences(backbone, PackedEncoder(backbone, STARTS), TEXTS)
    assert value <= 1e-5
    assert gradient <= 1e-5


def test_a_token_may_stand_in_several_texts_and_a_text_be_chosen_twice(small: Backbone, either: None) -> None:
    encoder = PackedEncoder(small, STARTS)
    texts = encoder.prepare(text.tokenize(small, TEXTS))
    chosen, owners = np.array([5, 0, 5, 2]), np.array([1, 0, 0, 1])
    tokens = random_tokens(small, 2)
    ours = encoder(texts.pack(chosen, owners), tokens)
    plain = plain_text.encode(small, [TEXTS[i] for i in chosen], tokens[torch.from_numpy(owners)])
    assert (ours - plain).abs().max() <= 1e-5
    (_, gradient), (_, expected) = (plain_text.loss_and_gradient(features, tokens) for features in (ours, plain))
    assert (gradient - expected).abs().max() <= 1e-5


def test_what_stands_before_a_known_prefix_is_not_computed_again(small: Backbone) -> None:
    ids = text.tokenize(small, ["a photo of $ that runs", "We see a $ photo", "here stands a $"])
    layout = PackedEncoder(small, STARTS).prepare(ids).pack()
    skipped = [4, 4, 1]  # the start token and the known words
    assert len(layout.ids) == sum(map(len, ids)) - sum(skipped)


def test_weights_of_the_backbone_get_no_gradient() -> None:
    backbone = plain_text.build(plain_text.SMALL)
    backbone.model.requires_grad_(True)
    encoder = PackedEncoder(backbone, STARTS)
    features = encoder(encoder.prepare(text.tokenize(backbone, TEXTS)).pack(), random_tokens(backbone, len(TEXTS)))
    features.sum().backward()
    inside = [p for name, p in backbone.model.named_parameters() if "resblocks" in name and "visual" not in name]
    assert inside
    assert all(parameter.grad is None for parameter in inside)


def test_bf16_products_are_near_and_autocast_changes_nothing(small: Backbone, either: None) -> None:
    tokens, ids = random_tokens(small, len(TEXTS)), text.tokenize(small, TEXTS)
    exact, rough = (PackedEncoder(small, STARTS, dtype) for dtype in (torch.float32, torch.bfloat16))
    expected, near = (encoder(encoder.prepare(ids).pack(), tokens) for encoder in (exact, rough))
    assert torch.nn.functional.cosine_similarity(expected, near).min() > 0.999
    assert near.dtype == torch.float32
    assert torch.isfinite(torch.autograd.grad(near.sum(), tokens)[0]).all()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(exact(exact.prepare(ids).pack(), tokens), expected)


def test_a_text_without_a_placeholder_is_an_error(small: Backbone) -> None:
    with pytest.raises(CirqueError, match="no placeholder for the pseudo token in the text 'a dog'"):
        PackedEncoder(small).prepare(text.tokenize(small, ["a $", "a dog"]))


def test_blocks_that_are_not_clips_are_refused() -> None:
    backbone = plain_text.build(plain_text.SMALL, open_clip.CustomTextCLIP, qk_norm=True)
    with pytest.raises(CirqueError, match="the blocks of its text tower are not CLIP's"):
        PackedEncoder(backbone)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_features(small: Backbone) -> None:
    backbone = plain_text.build(plain_text.SMALL)
    backbone.model.cuda()
    tokens, ids = random_tokens(small, len(TEXTS)), text.tokenize(small, TEXTS)
    here, there = (PackedEncoder(one, STARTS) for one in (small, backbone))
    expected = here(here.prepare(ids).pack(), tokens)
    assert (there(there.prepare(ids).pack(), tokens.cuda()).cpu() - expected).abs().max() <= 1e-4
