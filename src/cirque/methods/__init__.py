"""Methods: each module turns queries into query features, `compose(inputs) -> [n_queries, dim]`, L2-normalised.

A new method is one file here and one entry in the configuration. It takes what it needs from `Inputs`; what it does
not ask for is never read, nor is the library behind it imported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from cirque.errors import CirqueError
from cirque.families import Family

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone
    from cirque.networks.phi import Phi

#: Every method, as the configuration calls it: `searle-oti` is the module `searle_oti`.
FAMILY = Family("method", __name__, entry="compose", separator="-")


def _read(reader: Callable[[], Sequence[str]] | None, what: str, flag: str) -> Sequence[str]:
    """What a reader gives; a sentence where there is none."""
    if reader is None:
        raise CirqueError(f"the {what} of the references are not known; give {flag}")
    return reader()


@dataclass
class Inputs:
    """What a benchmark gives to a method, read when first asked for.

    Rows of every array are queries, in the order of the benchmark.
    """

    query_ids: Sequence[str]
    captions: Sequence[Sequence[str]]  # relative captions of each query, verbatim
    full_captions: Sequence[str | None]  # the target's own caption, where the data are generated
    read_reference_features: Callable[[], np.ndarray]
    read_tokens: Callable[[], np.ndarray]
    read_phi: "Callable[[], Phi]"
    read_backbone: "Callable[[], Backbone]"
    prompt: str | None = None  # the benchmark's own, in place of the method's
    text_prompt: str = "{caption}"  # for the words alone
    caption_order: str | None = None  # of text_queries.ORDERS, in place of the method's
    read_reference_captions: Callable[[], Sequence[str]] | None = None
    read_reference_concepts: Callable[[], Sequence[str]] | None = None

    @cached_property
    def reference_features(self) -> np.ndarray:
        """Image features of the references [n_queries, dim], un-normalised."""
        return self.read_reference_features()

    @cached_property
    def tokens(self) -> np.ndarray:
        """Pseudo tokens that inversion found for the references [n_queries, token_dim]."""
        return self.read_tokens()

    @cached_property
    def reference_captions(self) -> Sequence[str]:
        """What a captioner says of each query's reference, one a query; some may be empty."""
        return _read(self.read_reference_captions, "captions", "--reference-captions")

    @cached_property
    def reference_concepts(self) -> Sequence[str]:
        """The concept nearest to each query's reference."""
        return _read(self.read_reference_concepts, "concepts", "--concepts")

    @cached_property
    def phi(self) -> "Phi":
        """The mapping network, in evaluation mode."""
        return self.read_phi()

    @cached_property
    def backbone(self) -> "Backbone":
        """The backbone whose text tower reads the queries."""
        return self.read_backbone()


class Method(Protocol):
    """What a module of this package offers."""

    def compose(self, inputs: Inputs) -> np.ndarray:
        """Query features [n_queries, dim], L2-normalised."""


def names() -> list[str]:
    """Every method, as the configuration calls it: `searle-oti` is the module `searle_oti`."""
    return FAMILY.names()


def load(name: str) -> Method:
    """The module of a method.

    Raises:
        CirqueError: there is none of that name; the message lists those that there are.
    """
    return cast(Method, FAMILY.load(name))


def normalise(features: np.ndarray) -> np.ndarray:
    """Rows of unit length."""
    return np.asarray(features / np.linalg.norm(features, axis=-1, keepdims=True))
