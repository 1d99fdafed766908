"""BLIP (Li et al., 2022): the towers of its image-text contrast, by which Pic2Word's supplement retrieves (Table 6).

An image's feature is the projected first position of a ViT, a text's that of a bidirectional BERT. The features are
compared as CLIP's are; BLIP's matching head, which reads image and text together, takes no part. The text tower takes
no pseudo token: what stands after it would change every position before it.

Weights are named as in `transformers.BlipForImageTextRetrieval`, so that its releases load; of these the matching head
and the cross-attention are left out.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import BertWordPieceTokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import BlipTextConfig, BlipTextModel, BlipVisionConfig, BlipVisionModel

from cirque.encoders import Sizes, backbones, openclip, released_files
from cirque.encoders.imported import open_clip
from cirque.errors import CirqueError
from cirque.store import files

#: Mean and deviation of the pixels, per channel: CLIP's.
MEAN: Sequence[float] = openclip.MEAN
STD: Sequence[float] = openclip.STD

#: Temperature that BLIP's contrast begins with.
TEMPERATURE = 0.07

#: Special tokens of BERT, in the order of their numbers in a vocabulary that is made here.
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

#: Files of a release.
CONFIG_FILE, VOCABULARY_FILE, WEIGHT_FILES = "config.json", "vocab.txt", ("model.safetensors", "pytorch_model.bin")

#: What a configuration must say.
_KEYS = {"vision", "text", "dim", "context_length", "vocabulary"}

#: Parts of a release that the contrast does not use.
_LEFT_OUT = ("itm_head.", ".crossattention.", "position_ids", "text_encoder.pooler.")


# ---- texts ---------------------------------------------------------------------------------------------------------


class Reader:
    """BERT's tokenizer with some vocabulary: the attributes that `cirque.encoders.text` reads of CLIP's."""

    def __init__(self, vocabulary: Sequence[str], context_length: int) -> None:
        numbers = {token: number for number, token in enumerate(vocabulary)}
        missing = [token for token in SPECIAL[:4] if token not in numbers]
        if missing or numbers["[PAD]"]:
            raise CirqueError(f"BLIP's vocabulary must begin with [PAD] and hold {', '.join(SPECIAL[:4])}")
        self._pieces = BertWordPieceTokenizer(vocab=numbers, lowercase=True)
        self.sot_token_id, self.eot_token_id = numbers["[CLS]"], numbers["[SEP]"]
        self.context_length = context_length

    def encode(self, text: str) -> list[int]:
        """Ids of a text without first and last token."""
        return list(self._pieces.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """A text again, as far as its pieces tell."""
        return str(self._pieces.decode(list(ids)))

    def __call__(self, texts: str | list[str]) -> Tensor:
        """Ids of whole texts [n, context_length], cut to it, [PAD] at the end."""
        texts = [texts] if isinstance(texts, str) else texts
        rows = torch.zeros(len(texts), self.context_length, dtype=torch.long)
        for row, text in zip(rows, texts, strict=True):
            ids = [self.sot_token_id, *self.encode(text)[: self.context_length - 2], self.eot_token_id]
            row[: len(ids)] = torch.tensor(ids)
        return rows


def text_reader(config: Mapping[str, Any]) -> Reader:
    """The tokenizer of a configuration."""
    return Reader(config["vocabulary"], config["context_length"])


def common_words(n: int) -> list[str]:
    """A vocabulary of our own: the n words that CLIP's merges reach first, and letters, of which others consist."""
    known = (token.removesuffix("</w>") for token in open_clip.SimpleTokenizer().encoder if token.endswith("</w>"))
    words = [word for word in known if len(word) > 1 and word.isascii() and word.isalpha()][:n]
    signs = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    return [*SPECIAL, *signs, *(f"##{sign}" for sign in signs if sign.isalnum()), *words]


# ---- the model -----------------------------------------------------------------------------------------------------


def read_config(name: str, folder: Path | None = None) -> dict[str, Any]:
    """A configuration of the project's own folder.

    Raises:
        CirqueError: there is none of that name, or it describes no BLIP.
    """
    own = folder / f"{name}.json" if folder is not None else None
    if own is None or not own.is_file():
        raise CirqueError(
            f"backbone: no BLIP is called {name!r} in {folder}; a release (`source: pretrained`) brings its own"
            " configuration"
        )
    config = files.read_json(own)
    if isinstance(config, dict) and "n_words" in config:
        config["vocabulary"] = common_words(int(config.pop("n_words")))
    if not isinstance(config, dict) or not set(config) >= _KEYS:
        raise CirqueError(f"{own}: describes no BLIP; it needs {', '.join(sorted(_KEYS))} (or n_words)")
    return dict(config)


def sizes(config: Mapping[str, Any]) -> Sizes:
    """What a configuration says of images and features."""
    return Sizes(
        dim=int(config["dim"]),
        image_size=int(config["vision"]["image_size"]),
        token_dim=int(config["text"]["hidden_size"]),
        context_length=int(config["context_length"]),
    )


class Blip(nn.Module):
    """Both towers and their projections."""

    #: The parameter of which a training changes only the rows that occur.
    TOKEN_EMBEDDING = "text_encoder.embeddings.word_embeddings.weight"

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        vision = BlipVisionConfig(**config["vision"])
        text = BlipTextConfig(**{"vocab_size": len(config["vocabulary"]), **config["text"], "is_decoder": False})
        self.vision_model = BlipVisionModel(vision)
        self.text_encoder = BlipTextModel(text, add_pooling_layer=False)
        self.vision_proj = nn.Linear(vision.hidden_size, config["dim"])
        self.text_proj = nn.Linear(text.hidden_size, config["dim"])
        self.logit_scale = nn.Parameter(torch.tensor(-math.log(TEMPERATURE)))

    def encode_image(self, images: Tensor) -> Tensor:
        """Normalised pixels [n, 3, size, size] → features [n, dim], un-normalised."""
        first: Tensor = self.vision_model(images).last_hidden_state[:, 0]
        features: Tensor = self.vision_proj(first)
        return features

    def encode_texts(self, ids: Tensor, rows: Tensor | None = None) -> Tensor:
        """Features [n, dim] of whole texts, un-normalised.

        Args:
            ids: [n, length] from the first to the last token, 0 behind it.
            rows: of the token embedding, which `ids` number in place of the vocabulary.
        """
        embedded = functional.embedding(ids, self.get_parameter(self.TOKEN_EMBEDDING) if rows is None else rows)
        read = self.text_encoder(inputs_embeds=embedded, attention_mask=(ids != 0).long())
        features: Tensor = self.text_proj(read.last_hidden_state[:, 0])
        return features


def build(name: str, config: Mapping[str, Any]) -> Blip:
    """A new model with random weights.

    Raises:
        CirqueError: its configuration has sizes that no BLIP has.
    """
    try:
        return Blip(config)
    except (TypeError, ValueError, KeyError, RuntimeError, ZeroDivisionError) as error:
        raise CirqueError(f"backbone {name}: no BLIP can be built of its configuration ({error})") from error


# ---- releases ------------------------------------------------------------------------------------------------------


def fetch(name: str, tag: str, weights: Path, cache: Path | None = None) -> None:
    """Download a release from Hugging Face's hub, or take it from its cache, and write its weights with their side-car.

    Args:
        name: of the release: Salesforce/blip-itm-large-coco.
        tag: its revision: main, or a commit.
        weights: Where to.
        cache: Folder of the hub's files; its own if not given.

    Raises:
        CirqueError: no such release, no network, or files that do not fit each other.
    """
    import huggingface_hub  # noqa: PLC0415  (the one function that asks a hub)

    for file in WEIGHT_FILES:  # of two that hold the same gigabytes the first is enough
        wanted = [CONFIG_FILE, VOCABULARY_FILE, file]
        try:
            folder = Path(huggingface_hub.snapshot_download(name, revision=tag, cache_dir=cache, allow_patterns=wanted))
        except (OSError, ValueError, huggingface_hub.errors.HfHubHTTPError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise CirqueError(f"backbone {name}, {tag}: could not be fetched from the hub ({first})") from error
        if (folder / file).is_file():
            _keep(name, tag, folder / file, weights, source=name)
            return
    raise CirqueError(f"backbone {name}, {tag}: the release holds none of {', '.join(WEIGHT_FILES)}")


def take_over(name: str, tag: str, file: Path, weights: Path) -> None:
    """Write the weights of a release at hand with their side-car.

    Args:
        name: of the release.
        tag: its revision.
        file: its weights, model.safetensors or pytorch_model.bin; config.json and vocab.txt must lie beside it.
        weights: Where to.

    Raises:
        CirqueError: a file is missing, or does not fit.
    """
    _keep(name, tag, file, weights, source=file.name)


def _keep(name: str, tag: str, file: Path, weights: Path, source: str) -> None:
    config = config_of_release(file.parent)
    model = build(name, config)
    state = {key: value for key, value in released_files.state(file).items() if not _is_left_out(key)}
    state.setdefault("logit_scale", model.logit_scale.detach())
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        first = " ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise CirqueError(f"{file}: does not fit the model that {CONFIG_FILE} beside it describes ({first})") from error
    seed = backbones.RELEASED
    backbones.save(model, weights, encoder="blip", name=name, config=config, source=source, seed=seed, tag=tag)


def _is_left_out(key: str) -> bool:
    return any(part in key for part in _LEFT_OUT)


def config_of_release(folder: Path) -> dict[str, Any]:
    """The configuration of a release, out of its config.json and vocab.txt.

    Raises:
        CirqueError: one of them is missing, or of another kind of model.
    """
    released, vocabulary = files.read_json(folder / CONFIG_FILE), folder / VOCABULARY_FILE
    if not vocabulary.is_file():
        raise CirqueError(f"{vocabulary}: no such file; put the release's own beside its weights")
    if not isinstance(released, dict) or released.get("model_type") != "blip":
        raise CirqueError(f"{folder / CONFIG_FILE}: describes no BLIP (model_type is not blip)")
    vision, text = (dict(released.get(f"{tower}_config") or {}) for tower in ("vision", "text"))
    return {
        "vision": _settings(BlipVisionConfig(**vision)),
        "text": _settings(BlipTextConfig(**text)),
        "dim": int(released.get("image_text_hidden_size", 256)),
        # BLIP's own retrieval cuts texts at 35 tokens; a relative caption of CIRR may have more, and is read whole.
        "context_length": BlipTextConfig(**text).max_position_embeddings,
        "vocabulary": vocabulary.read_text(encoding="utf-8").splitlines(),
    }


def _settings(config: Any) -> dict[str, Any]:
    """All settings of a tower, so that no default of another version of the library changes it."""
    whole: dict[str, Any] = config.to_dict()
    return {
        name: value
        for name, value in whole.items()
        if isinstance(value, int | float | str) and name not in ("model_type", "transformers_version")
    }
