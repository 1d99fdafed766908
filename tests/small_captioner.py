"""A random CoCa of a few thousand weights but for its vocabulary, and one that says what a test asks of it."""

from pathlib import Path
from typing import Any

import torch

from cirque.encoders import backbones, captioners, coca

CONFIG: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {
        "image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16,
        "attentional_pool": True, "attn_pooler_queries": 4, "attn_pooler_heads": 2, "output_tokens": True,
    },
    "text_cfg": {
        "context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1,
        "embed_cls": True, "output_tokens": True,
    },
    "multimodal_cfg": {
        "context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2, "attn_pooler_heads": 2,
    },
    "custom_text": True,
}  # fmt: skip

#: Start and end token of CLIP.
START, END = 49406, 49407


def build(seed: int = 0) -> Any:
    """A random CoCa that ends its captions now and then."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = coca.build("small", CONFIG)
    with torch.no_grad():  # at the usual scale captions hardly depend on the image
        model.text.token_embedding.weight.mul_(20)
        model.visual.positional_embedding.mul_(3)
        model.text_decoder.text_projection[:, END] *= 4
    return model.eval()


def write(folder: Path, model: Any = None) -> Path:
    """Weights with their side-car; returns their path."""
    path = folder / "captioner" / "weights.safetensors"
    backbones.save(model or build(), path, encoder="coca", name="small", config=CONFIG, source="random", seed=0)
    return path


def load(folder: Path, model: Any = None) -> captioners.Captioner:
    """A captioner, in memory; a random one if none is given."""
    return captioners.load(write(folder, model), torch.device("cpu"))


def that_repeats(word: int) -> Any:
    """A CoCa that finds one token the likeliest, whatever it sees or has said."""
    model = build()
    with torch.no_grad():
        model.text_decoder.ln_final.weight.zero_()
        model.text_decoder.ln_final.bias.fill_(1.0)
        model.text_decoder.text_projection.fill_(-1.0)
        model.text_decoder.text_projection[:, word] = 1.0
    return model
