"""What the towers of a CLIP model cost, counted from open_clip's description of it: no weights, no torch.

    model = description("ViT-L-14")
    image_flops(model)  # 1.62e11 for an image, a multiplication with its addition as two
    n_parameters(model)  # 427,616,513

Only transformers in the plain form of CLIP are counted; of any other model nothing is said.
"""

import functools
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Where the project's own models are described, relative to the project.
OWN = Path("config/backbones")

#: Keys of a tower that is a plain transformer; with any other key it is another network.
_PLAIN = {
    "vision_cfg": {"image_size", "layers", "width", "patch_size", "head_width", "mlp_ratio"},
    "text_cfg": {"context_length", "vocab_size", "width", "heads", "layers"},
}

#: Positions of a text as open_clip reads it, where its description does not say.
CONTEXT = 77


@dataclass(frozen=True)
class Transformer:
    """Blocks of a tower: `hidden` is the width of their MLP."""

    width: int
    layers: int
    hidden: int

    def flops(self, n_tokens: int) -> float:
        """Operations of a sequence: four projections, the MLP, and attention, which grows with the square."""
        matrices = 4 * self.width**2 + 2 * self.width * self.hidden
        return float(self.layers * (2 * n_tokens * matrices + 4 * n_tokens**2 * self.width))

    @property
    def n_parameters(self) -> int:
        """Weights and biases, the two LayerNorms of each block among them."""
        attention = 4 * self.width**2 + 4 * self.width
        mlp = 2 * self.width * self.hidden + self.hidden + self.width
        return self.layers * (attention + mlp + 4 * self.width)


@dataclass(frozen=True)
class Model:
    """Both towers of a CLIP model, and the features that they meet in."""

    dim: int
    image: Transformer
    text: Transformer
    image_size: int
    patch: int
    context: int
    vocabulary: int

    @property
    def n_patches(self) -> int:
        """Of an image, without the class token."""
        return (self.image_size // self.patch) ** 2


@functools.cache
def description(name: str, own: Path = OWN) -> Model | None:
    """A model by its name in the project or in open_clip; None if neither describes it, or it is no plain CLIP."""
    found = importlib.util.find_spec("open_clip")
    folders = [own, *(Path(place) / "model_configs" for place in (found and found.submodule_search_locations) or ())]
    file = next((path for folder in folders if (path := folder / f"{name}.json").is_file()), None)
    return model_of(json.loads(file.read_text(encoding="utf-8"))) if file else None


def model_of(entry: Mapping[str, Any]) -> Model | None:
    """A model of an open_clip configuration; None if it is no plain CLIP."""
    sections = {key: entry.get(key) for key in _PLAIN}
    if "multimodal_cfg" in entry or "embed_dim" not in entry:
        return None
    if any(not isinstance(section, Mapping) or set(section) - _PLAIN[key] for key, section in sections.items()):
        return None
    image, text = entry["vision_cfg"], entry["text_cfg"]
    numbers = [image.get("layers"), image.get("width"), image.get("patch_size"), text.get("layers"), text.get("width")]
    if not all(isinstance(number, int) for number in numbers):
        return None
    return Model(
        dim=entry["embed_dim"],
        image=Transformer(image["width"], image["layers"], int(image["width"] * image.get("mlp_ratio", 4.0))),
        text=Transformer(text["width"], text["layers"], 4 * text["width"]),
        image_size=image.get("image_size", 224),
        patch=image["patch_size"],
        context=text.get("context_length", CONTEXT),
        vocabulary=text.get("vocab_size", 49408),
    )


def image_flops(model: Model) -> float:
    """Operations of one image: patches, blocks, and the projection of the class token."""
    patches = 2 * model.n_patches * 3 * model.patch**2 * model.image.width
    return patches + model.image.flops(model.n_patches + 1) + 2 * model.image.width * model.dim


def text_flops(model: Model) -> float:
    """Operations of one text at the tower's whole context."""
    return model.text.flops(model.context) + 2 * model.text.width * model.dim


def n_parameters(model: Model) -> int:
    """Parameters of both towers."""
    image, text = model.image, model.text
    of_image = 3 * model.patch**2 * image.width + (model.n_patches + 2) * image.width + 4 * image.width
    of_text = (model.vocabulary + model.context) * text.width + 2 * text.width
    return (
        image.n_parameters + text.n_parameters + of_image + of_text + (image.width + text.width) * model.dim + 1
    )  # 1: the scale of the logits
