"""The mapping network φ: an image feature in, a pseudo token out, in SEARLE's architecture and in Pic2Word's.

    network = load(Path("phi.safetensors"), torch.device("cpu"))
    tokens = network(features)  # [n, token_dim]

Either reads CLIP's image features as they come out of the tower, un-normalised: released checkpoints break on
normalised ones.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from cirque.errors import CirqueError
from cirque.store import files, provenance

#: Width of the hidden layers of SEARLE's φ, in image feature dimensions.
EXPANSION = 4

#: Architectures of Pic2Word's φ: as published, and without the ReLUs ("linear" of its supplement, Table 3).
Pic2WordArchitecture = Literal["pic2word", "linear"]

#: Keys of φ's weights in released checkpoints, and the prefix that parallel training leaves before their names.
SEARLE_KEY, PIC2WORD_KEY, PARALLEL = "Phi", "state_dict_img2text", "module."


# ---- networks ------------------------------------------------------------------------------------------------------


class Network(nn.Module, ABC):
    """A network that is trained on features of a backbone and kept with a side-car.

    Attributes:
        architecture: as the side-car calls it.
        dim: length of the image features that it reads.
    """

    architecture: str
    dim: int

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """What the side-car says of its inputs, outputs and layers."""


class Phi(Network):
    """A mapping network of any architecture.

    Attributes:
        token_dim: length of the pseudo tokens that it gives.
    """

    def __init__(self, dim: int, token_dim: int) -> None:
        super().__init__()
        self.dim, self.token_dim = dim, token_dim

    def sizes(self) -> dict[str, int]:
        """Features, tokens and the layers in between."""
        return {"dim": self.dim, "token_dim": self.token_dim, **self.widths()}

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Un-normalised image features [n, dim] to pseudo tokens [n, token_dim]."""

    @abstractmethod
    def widths(self) -> dict[str, int]:
        """What the side-car says of the layers in between."""


class SearlePhi(Phi):
    """SEARLE's φ (§3.2), also LinCIR's.

    Linear(d→4d) – GELU – Dropout – Linear(4d→4d) – GELU – Dropout – Linear(4d→d_w), as released: the paper's text also
    puts an activation and a dropout after the last layer. Parameters are called `layers.{0,3,6}.{weight,bias}`, as in
    the released checkpoints.
    """

    architecture = "searle"

    def __init__(self, dim: int, token_dim: int, dropout: float) -> None:
        super().__init__(dim, token_dim)
        hidden = EXPANSION * dim
        self.layers = nn.Sequential(
            nn.Linear(dim, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, token_dim),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Un-normalised image features [n, dim] to pseudo tokens [n, token_dim]."""
        tokens: Tensor = self.layers(features)
        return tokens

    def widths(self) -> dict[str, int]:
        """Width of both hidden layers."""
        return {"hidden": EXPANSION * self.dim}


class Pic2WordPhi(Phi):
    """Pic2Word's φ ("IM2TEXT"; pic2word.md §1.2): [Linear – Dropout – ReLU] × n_layers – Linear.

    Parameters are called `layers.{i}.0.{weight,bias}` and `fc_out.{weight,bias}`, as in the released checkpoints. The
    `linear` variant has the same parameters and no ReLU; whether it kept the dropout is not published.
    """

    def __init__(
        self,
        dim: int,
        token_dim: int,
        dropout: float,
        *,
        n_layers: int,
        middle_dim: int,
        architecture: Pic2WordArchitecture = "pic2word",
    ) -> None:
        super().__init__(dim, token_dim)
        self.architecture, self.middle_dim = architecture, middle_dim
        activation = [] if architecture == "linear" else [nn.ReLU()]
        inputs = [dim, *[middle_dim] * (n_layers - 1)]
        self.layers = nn.Sequential(
            *(nn.Sequential(nn.Linear(width, middle_dim), nn.Dropout(dropout), *activation) for width in inputs)
        )
        self.fc_out = nn.Linear(middle_dim, token_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Un-normalised image features [n, dim] to pseudo tokens [n, token_dim]."""
        tokens: Tensor = self.fc_out(self.layers(features))
        return tokens

    def widths(self) -> dict[str, int]:
        """Number and width of the hidden layers."""
        return {"n_layers": len(self.layers), "middle_dim": self.middle_dim}


def initial(dim: int, token_dim: int, dropout: float, seed: int) -> SearlePhi:
    """SEARLE's φ with PyTorch's default initial weights, decided by the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SearlePhi(dim, token_dim, dropout)


def initial_pic2word(
    dim: int,
    token_dim: int,
    dropout: float,
    seed: int,
    *,
    n_layers: int,
    middle_dim: int,
    architecture: Pic2WordArchitecture = "pic2word",
) -> Pic2WordPhi:
    """Pic2Word's φ with PyTorch's default initial weights, decided by the seed alone.

    Args:
        dim: length of an image feature.
        token_dim: length of a token embedding.
        dropout: after each hidden layer.
        seed: of the weights.
        n_layers: hidden layers; the supplement counts the last Linear too.
        middle_dim: their width.
        architecture: with ReLUs or without.

    Raises:
        CirqueError: no hidden layer, or none of any width.
    """
    if n_layers < 1 or middle_dim < 1:
        raise CirqueError(
            f"φ: n_layers {n_layers} and middle_dim {middle_dim} make no network; give at least 1 of each"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Pic2WordPhi(dim, token_dim, dropout, n_layers=n_layers, middle_dim=middle_dim, architecture=architecture)


# ---- files ---------------------------------------------------------------------------------------------------------


def side_car(path: Path) -> Path:
    """Where the JSON that describes a φ lies: beside its weights."""
    return path.with_suffix(".json")


def save(path: Path, network: Network, record: Mapping[str, Any]) -> None:
    """Write a network as safetensors with its JSON side-car: both, or neither."""
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    description = {"architecture": network.architecture, **network.sizes(), **record}
    content = safetensors.torch.save(weights)
    description["sha256"] = hashlib.sha256(content).hexdigest()
    with files.atomic(path) as partial, files.atomic(side_car(path)) as described:
        partial.write_bytes(content)  # a full disk is then an OSError like any other
        described.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path, device: torch.device) -> Phi:
    """Read φ in evaluation mode: a file that `save` wrote, or a released checkpoint of torch, whatever its name.

    A side-car tells the architecture; without one the names of the parameters do, and `linear` passes for `pic2word`.
    Of released checkpoints is assumed:

    * SEARLE's: the key `Phi` holds the weights, named `layers.{0,3,6}.*`.
    * Pic2Word's: the key `state_dict_img2text` holds them, named `layers.{i}.0.*` and `fc_out.*`, with or without a
      `module.` before each name.

    Raises:
        CirqueError: the file is missing, cut short or altered, or holds no φ.
    """
    released = is_of_torch(path)
    state = _released_state(path) if released else read_weights(path)
    stated = {} if released or not side_car(path).is_file() else read_side_car(path)
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    try:
        phi = _of_shapes(shapes, stated.get("architecture"))
        phi.load_state_dict({name: value.float() for name, value in state.items()})
    except (KeyError, ValueError, RuntimeError) as error:
        raise CirqueError(
            f"{path}: not a mapping network φ, neither SEARLE's (layers.0, 3 and 6, hidden width {EXPANSION} × dim) nor"
            f" Pic2Word's (layers.0.0 and so on, fc_out); it holds"
            f" {', '.join(f'{name} {list(shape)}' for name, shape in shapes.items()) or 'nothing'}"
        ) from error
    return phi.to(device).eval().requires_grad_(False)


def _of_shapes(shapes: Mapping[str, tuple[int, ...]], architecture: str | None) -> Phi:
    """A network into which parameters of these names and shapes fit, if any does.

    Raises:
        KeyError: a parameter is missing, or there is no such architecture.
        ValueError: one is no matrix.
    """
    architecture = architecture or ("pic2word" if "fc_out.weight" in shapes else SearlePhi.architecture)
    if architecture == SearlePhi.architecture:
        (_, dim), (token_dim, _) = shapes["layers.0.weight"], shapes["layers.6.weight"]
        return SearlePhi(dim, token_dim, dropout=0.0)
    variants: dict[str, Pic2WordArchitecture] = {"pic2word": "pic2word", "linear": "linear"}
    (_, dim), (token_dim, middle_dim) = shapes["layers.0.0.weight"], shapes["fc_out.weight"]
    n_layers = sum(name.startswith("layers.") and name.endswith(".0.weight") for name in shapes)
    return Pic2WordPhi(
        dim, token_dim, 0.0, n_layers=n_layers, middle_dim=middle_dim, architecture=variants[architecture]
    )


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights in a file that `save` wrote, of any architecture.

    Raises:
        CirqueError: the file is missing, cut short, or not the one that its side-car describes.
    """
    _require_file(path)
    described = read_side_car(path).get("sha256") if side_car(path).is_file() else None
    if described not in (None, provenance.bytes_sha256(path)):
        raise CirqueError(
            f"{path}: cut short or altered, it is not the file that {side_car(path).name} describes;"
            f" {provenance.cure(path)}"
        )
    try:
        state: dict[str, Tensor] = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise CirqueError(f"{path}: not a whole safetensors file ({error}); {provenance.cure(path)}") from error
    return state


def is_of_torch(path: Path) -> bool:
    """Whether a file was written by torch.save: a zip archive, or a bare pickle of old.

    Raises:
        CirqueError: there is no such file.
    """
    _require_file(path)
    with path.open("rb") as stream:
        return stream.read(2) in (b"PK", b"\x80\x02")


def _require_file(path: Path) -> None:
    provenance.read(path)
    if not path.is_file():
        raise CirqueError(f"{path}: no such file; it should hold the weights of a network")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What torch.save wrote, if it is a dictionary; `weights_only` runs no code of the file.

    Raises:
        CirqueError: the file is missing, cut short, or holds more than tensors and plain values.
    """
    _require_file(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a cut or foreign file fails in many ways
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise CirqueError(
            f"{path}: could not be read as a released checkpoint ({first}); {provenance.cure(path)}"
        ) from error
    return checkpoint if isinstance(checkpoint, dict) else {}


def _released_state(path: Path) -> dict[str, Tensor]:
    """Weights of a released checkpoint of SEARLE or Pic2Word."""
    found = read_checkpoint(path)
    state = found.get(SEARLE_KEY, found.get(PIC2WORD_KEY))
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CirqueError(
            f"{path}: a released checkpoint has the key {SEARLE_KEY} (SEARLE) or {PIC2WORD_KEY} (Pic2Word) with φ's"
            " weights; this file has not"
        )
    return {name.removeprefix(PARALLEL): value for name, value in state.items()}


def read_side_car(path: Path) -> dict[str, Any]:
    """The description beside the weights of a φ that `save` wrote.

    Raises:
        CirqueError: it is broken, or no description.
    """
    record = files.read_json(side_car(path))
    if not isinstance(record, dict) or not all(
        isinstance(record.get(key, ""), str) for key in ("architecture", "sha256")
    ):
        raise CirqueError(f"{side_car(path)}: describes no φ; {provenance.cure(path)}")
    return record
