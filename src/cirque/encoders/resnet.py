"""ResNet: torchvision's `resnet18` without its classes, TIRG's "ResNet-17", and smaller trunks of the same blocks.

Weights are named as in torchvision, so that its releases load. A trunk's feature is the mean of its last map over all
places; it reads pictures of any size. What TIRG puts behind it, a linear layer that is learned, belongs to the
composition (docs/tables/tirg_fashion200k.md#methods).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cirque import encoders
from cirque.encoders import backbones, released_files
from cirque.errors import CirqueError
from cirque.store import files

#: Mean and deviation of the pixels, per channel, of ImageNet.
MEAN: Sequence[float] = (0.485, 0.456, 0.406)
STD: Sequence[float] = (0.229, 0.224, 0.225)

#: torchvision's models by name: kernel and channels of the first convolution, and (channels, blocks) of each layer.
KNOWN: Mapping[str, dict[str, Any]] = {
    "resnet18": {"kernel": 7, "stem": 64, "layers": [[64, 2], [128, 2], [256, 2], [512, 2]], "image_size": 224}
}

#: Parameters of torchvision's file that belong to its classes.
_CLASSES = ("fc.weight", "fc.bias")

#: Takes the place of a block's map before the skip connection is added: number of the block, map → map.
Change = Callable[[int, Tensor], Tensor]


def read_config(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The configuration of a model: of the project's folder if it is there, else torchvision's.

    Raises:
        CirqueError: there is no such model, or the file describes no ResNet.
    """
    own = {path.stem: path for path in sorted(folder.glob("*.json"))} if folder is not None else {}
    config = files.read_json(own[name]) if name in own else KNOWN.get(name)
    if config is None:
        raise CirqueError(f"backbone: no ResNet is called {name!r}; there are {', '.join(KNOWN)}")
    if not isinstance(config, dict) or not {"kernel", "stem", "layers", "image_size"} <= set(config):
        raise CirqueError(f"{own.get(name, name)}: describes no ResNet; it needs kernel, stem, layers, image_size")
    return dict(config)


def sizes(config: dict[str, Any]) -> encoders.Sizes:
    """Length of a feature: the channels of the last layer."""
    return encoders.Sizes(dim=int(config["layers"][-1][0]), image_size=int(config["image_size"]))


class Block(nn.Module):
    """Two 3×3 convolutions beside a skip connection (He et al., 2016)."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        skips = stride == 1 and n_in == n_out
        self.downsample = (
            None if skips else nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))
        )

    def forward(self, x: Tensor, change: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Map [n, n_in, h, w] → [n, n_out, h', w']."""
        own = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)), inplace=True)))
        if change is not None:
            own = change(own)
        return functional.relu(own + (x if self.downsample is None else self.downsample(x)), inplace=True)


class ResNet(nn.Module):
    """A trunk; `image_maps` and `encode_image` are what encoders have."""

    def __init__(self, *, kernel: int, stem: int, layers: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, stem, kernel, 2, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.n_layers = len(layers)
        n_in = stem
        for number, (width, n_blocks) in enumerate(layers, start=1):
            strides = [1 if number == 1 else 2, *[1] * (n_blocks - 1)]
            widths = [n_in, *[width] * (n_blocks - 1)]
            made = [Block(before, width, stride) for before, stride in zip(widths, strides, strict=True)]
            self.add_module(f"layer{number}", nn.Sequential(*made))
            n_in = width
        for module in self.modules():  # as torchvision begins
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @property
    def blocks(self) -> list[Block]:
        """The residual blocks, in order."""
        layers = [self.get_submodule(f"layer{number + 1}") for number in range(self.n_layers)]
        return [cast(Block, block) for layer in layers for block in layer.children()]

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each block's map."""
        return tuple(block.conv2.out_channels for block in self.blocks)

    def image_maps(self, images: Tensor, change: Change | None = None) -> Tensor:
        """Normalised pixels [n, 3, height, width] → the last map [n, channels, height / 32, width / 32]."""
        x = functional.relu(self.bn1(self.conv1(images)), inplace=True)
        x = functional.max_pool2d(x, 3, 2, padding=1)
        for number, block in enumerate(self.blocks):
            x = block(x, None if change is None else _of_block(change, number))
        return x

    def encode_image(self, images: Tensor) -> Tensor:
        """Normalised pixels → features [n, channels], un-normalised."""
        return self.image_maps(images).mean(dim=(2, 3))

    forward = encode_image


def _of_block(change: Change, number: int) -> Callable[[Tensor], Tensor]:
    return lambda own: change(number, own)


def build(name: str, config: dict[str, Any]) -> ResNet:
    """A new trunk with random weights.

    Raises:
        CirqueError: its description has sizes that no trunk has.
    """
    try:
        return ResNet(**{key: config[key] for key in ("kernel", "stem", "layers")})
    except (TypeError, ValueError, RuntimeError) as error:
        raise CirqueError(f"backbone {name}: no trunk can be built of {config} ({error})") from error


def fetch(name: str, tag: str, weights: Path, cache: Path | None = None) -> None:
    """Download torchvision's weights, or take them from its cache, and write them with their side-car.

    Args:
        name: of torchvision's model.
        tag: of its weights: IMAGENET1K_V1.
        weights: Where to.
        cache: Folder of the downloaded file; torch's own if not given.

    Raises:
        CirqueError: there are no such weights, no network, or the file does not fit the model.
    """
    from torchvision.models import get_model_weights  # noqa: PLC0415  (its import takes seconds)

    known = {} if name not in KNOWN else {entry.name: entry.url for entry in get_model_weights(name)}
    if tag not in known:
        raise CirqueError(f"backbone {name}: no weights are tagged {tag!r}; there are {', '.join(known) or 'none'}")
    url = known[tag]
    try:
        state = torch.hub.load_state_dict_from_url(
            url, model_dir=str(cache) if cache else None, map_location="cpu", check_hash=True, weights_only=True
        )
    except Exception as error:  # urllib and torch raise what they like; the person needs the name and the cure
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CirqueError(
            f"backbone {name}, {tag}: could not be fetched from {url} ({first}); put the file into torch's cache, or"
            " name one at hand as `file` of its weights"
        ) from error
    _keep(name, tag, state, weights, source=url)


def take_over(name: str, tag: str, file: Path, weights: Path) -> None:
    """Write the weights of a file at hand, such as torchvision's `resnet18-f37072fd.pth`, with their side-car.

    Raises:
        CirqueError: the file cannot be read, or does not fit the model.
    """
    _keep(name, tag, released_files.state(file), weights, source=file.name)


def _keep(name: str, tag: str, state: Mapping[str, Tensor], weights: Path, source: str) -> None:
    config = read_config(name)
    model = build(name, config)
    try:
        model.load_state_dict({key: value for key, value in state.items() if key not in _CLASSES}, strict=True)
    except RuntimeError as error:
        first = " ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise CirqueError(f"{source}: does not fit the model {name} ({first})") from error
    seed = backbones.RELEASED
    backbones.save(model, weights, encoder="resnet", name=name, config=config, source=source, seed=seed, tag=tag)
