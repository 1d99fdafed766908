"""The text tower written out plainly at the full context: what the fast ones are measured against."""

from collections.abc import Sequence
from typing import Any

import open_clip
import torch
from torch import Tensor

from cirque.encoders.backbones import Backbone

#: The text tower of ViT-B/32 at its real size; the vision tower, which these tests leave alone, is tiny.
REAL = {
    "embed_dim": 512,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12},
}

#: A tower of a few thousand weights beside its embedding.
SMALL = {
    **REAL,
    "embed_dim": 24,
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 3},
}


def build(config: dict[str, Any], kind: type = open_clip.CLIP, **text: object) -> Backbone:
    """A frozen backbone with random weights; `text` changes the configuration of the text tower."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = kind(**{**config, "text_cfg": {**config["text_cfg"], **text}}).eval().requires_grad_(False)
        for parameter in model.parameters():
            if parameter.ndim == 1:  # new biases are 0 and new scales 1, which would hide that one is forgotten
                parameter.add_(0.1 * torch.randn(parameter.shape))
    return Backbone(
        model=model,
        tokenizer=open_clip.SimpleTokenizer(context_length=model.context_length),
        name="random",
        dim=config["embed_dim"],
        token_dim=config["text_cfg"]["width"],
        image_size=32,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        context_length=model.context_length,
    )


def encode(backbone: Backbone, texts: Sequence[str], tokens: Tensor | None = None, replace: str = "first") -> Tensor:
    """Text by text, at the full context: ids padded with 0, token put in by hand, the tower as open_clip runs it."""
    model, rows = backbone.model, []
    for number, ids in enumerate(backbone.tokenizer(list(texts))):
        x = list(model.token_embedding(ids))
        if tokens is not None:
            slots = [place for place, id_ in enumerate(ids.tolist()) if id_ == 259]
            for place in slots[:1] if replace == "first" else slots:
                x[place] = tokens[number]
        whole = model.transformer((torch.stack(x) + model.positional_embedding)[None], attn_mask=model.attn_mask)
        rows.append(model.ln_final(whole)[0, ids.argmax()] @ model.text_projection)
    return torch.stack(rows)


def loss_and_gradient(features: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine losses against fixed directions [n], and the gradient of their sum to the tokens."""
    targets = torch.randn(features.shape, generator=torch.Generator().manual_seed(7))
    losses = 1 - torch.nn.functional.cosine_similarity(features, targets)
    return losses, torch.autograd.grad(losses.sum(), tokens)[0]
