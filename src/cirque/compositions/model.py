"""A model that is trained as a whole: image encoder, text encoder and composition (TIRG §3).

    model = Model(trunk, composition, sizes, n_words=30, scale=4.0)
    queries = model.compose(References(model, ids, lengths, pixels=pixels))  # ψ before normalisation [n, dim]
    targets = model.encode_image(pixels)  # φ before normalisation [n, dim]

The gallery's images pass trunk, pooling and last fc, never the composition. Where references are pictures of another
kind (CSS, 2D to 3D), they pass a trunk and a last fc of their own.
"""

from collections.abc import Callable
from functools import cached_property
from typing import NoReturn, Protocol, cast

import torch
from torch import Tensor, nn

from cirque.compositions import Sizes
from cirque.compositions.text_encoder import TextEncoder
from cirque.errors import CirqueError


class Trunk(Protocol):
    """What the model asks of an image trunk: a torch module with these."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each residual block's map."""

    def image_maps(self, images: Tensor, change: Callable[[int, Tensor], Tensor] | None = None) -> Tensor:
        """Normalised pixels [n, 3, height, width] → the last map [n, channels, h, w]."""


class Model(nn.Module):
    """Trunk, last fc, text encoder, composition and the scale s."""

    def __init__(
        self,
        trunk: nn.Module,
        composition: nn.Module,
        sizes: Sizes,
        n_words: int,
        *,
        reference_trunk: nn.Module | None = None,
        is_frozen: bool = False,
        scale: float,
    ) -> None:
        """Put the parts together.

        Args:
            trunk: a `Trunk`, of the gallery's images.
            composition: what `build` of a composition makes.
            sizes: of the trunk's last map, and d.
            n_words: of the vocabulary, `<UNK>` among them.
            reference_trunk: of the references, where they are of another kind.
            is_frozen: the trunks stay as they are: no gradients, and batch statistics of their own training.
            scale: s at the start.
        """
        super().__init__()
        self.is_frozen = is_frozen
        self.trunk, self.reference_trunk = trunk, reference_trunk
        self.fc = nn.Linear(sizes.channels, sizes.dim)
        self.reference_fc = None if reference_trunk is None else nn.Linear(sizes.channels, sizes.dim)
        self.text_encoder = TextEncoder(n_words, sizes.dim)
        self.composition = composition
        self.scale = nn.Parameter(torch.tensor(float(scale)))
        if is_frozen:
            for frozen in self.trunks:
                frozen.requires_grad_(False).eval()

    @property
    def trunks(self) -> list[nn.Module]:
        """The image trunk, and the references' own if they have one."""
        return [self.trunk] if self.reference_trunk is None else [self.trunk, self.reference_trunk]

    def train(self, mode: bool = True) -> "Model":
        """Training or evaluation mode; a frozen trunk stays in evaluation mode."""
        super().train(mode)
        if self.is_frozen:
            for frozen in self.trunks:
                frozen.eval()
        return self

    def image_maps(self, images: Tensor) -> Tensor:
        """The trunk's last map of a gallery's images."""
        return cast(Trunk, self.trunk).image_maps(images)

    def reference_maps(self, images: Tensor, change: Callable[[int, Tensor], Tensor] | None = None) -> Tensor:
        """The last map of references, by their own trunk if they have one."""
        return cast(Trunk, self.reference_trunk or self.trunk).image_maps(images, change)

    def encode_maps(self, maps: Tensor) -> Tensor:
        """A gallery's maps through pooling and last fc: φ [n, dim], un-normalised."""
        return cast(Tensor, self.fc(maps.mean(dim=(2, 3))))

    def encode_image(self, images: Tensor) -> Tensor:
        """Features of a gallery's images [n, dim], un-normalised."""
        return self.encode_maps(self.image_maps(images))

    def compose(self, references: "References | Named") -> Tensor:
        """Features of queries [n, dim], un-normalised."""
        return cast(Tensor, self.composition(references))

    def normalised(self, features: Tensor) -> Tensor:
        """Features of length s, s · v / ‖v‖, as the losses take them (TIRG §5)."""
        return self.scale * nn.functional.normalize(features, dim=1)


class Named:
    """n names of an adjective and a noun, as a composition reads them: the noun is in place of the image (TIRG §4.2).

    Both are embedded words; there are no pixels and no maps.
    """

    def __init__(self, model: Model, ids: Tensor) -> None:
        """Keep the words.

        Args:
            model: whose words are embedded.
            ids: of adjective and noun [n, 2].
        """
        self.text, self.image = model.text_encoder.embed(ids).unbind(dim=1)

    def __getattr__(self, name: str) -> NoReturn:
        raise CirqueError(f"a composition reads {name}, which a name of two words has not; take one at the last fc")


class References:
    """n references with their texts, as a composition reads them (`compositions.Query`)."""

    def __init__(
        self,
        model: Model,
        ids: Tensor,
        lengths: Tensor,
        *,
        pixels: Tensor | None = None,
        maps: Tensor | None = None,
    ) -> None:
        """Keep what there is; nothing is computed.

        Args:
            model: whose encoders are read.
            ids: of the texts' words [n, longest].
            lengths: words of each text [n].
            pixels: normalised, of the references [n, 3, height, width].
            maps: their last maps, if they are known already.
        """
        self._model, self._ids, self._lengths, self._pixels, self._maps = model, ids, lengths, pixels, maps

    @cached_property
    def maps(self) -> Tensor:
        """The last map of the references [n, channels, height, width]."""
        return self._model.reference_maps(self._needed_pixels()) if self._maps is None else self._maps

    @cached_property
    def pooled(self) -> Tensor:
        """Its mean over all places [n, channels]."""
        return self.maps.mean(dim=(2, 3))

    @cached_property
    def image(self) -> Tensor:
        """Image features φx [n, dim]."""
        return cast(Tensor, self._fc(self.pooled))

    @cached_property
    def text(self) -> Tensor:
        """Text features φt [n, dim]."""
        return cast(Tensor, self._model.text_encoder(*self.words))

    @cached_property
    def words(self) -> tuple[Tensor, Tensor]:
        """Embedded words [n, longest, dim], and how many each text has [n]."""
        return self._model.text_encoder.embed(self._ids), self._lengths

    def head(self, maps: Tensor) -> Tensor:
        """Maps through pooling and the references' last fc [n, dim]."""
        return cast(Tensor, self._fc(maps.mean(dim=(2, 3))))

    def passed_again(self, change: Callable[[int, Tensor], Tensor]) -> Tensor:
        """The last map of a pass in which each block's map is changed (`compositions.Query`)."""
        return self._model.reference_maps(self._needed_pixels(), change)

    @property
    def _fc(self) -> nn.Module:
        return self._model.reference_fc or self._model.fc

    def _needed_pixels(self) -> Tensor:
        if self._pixels is None:
            raise CirqueError("a composition asks for the references' pixels, of which only maps were given")
        return self._pixels
