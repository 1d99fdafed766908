"""What methods read, by the name of their parameters; each thing is read once for all methods of a job.

provider.get("phi", run)  # the network of that run; the backbone and the features are all runs' own
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cirque.encoders.features import load_features
from cirque.errors import CirqueError
from cirque.plan.evaluation import NEEDS, SHARD
from cirque.store import provenance, vectors

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone
    from cirque.encoders.text_queries import Queries
    from cirque.networks.phi import Phi


class Provider:
    """Reads what a method asks for when it is first asked for, and notes for each run which files it rests on."""

    def __init__(
        self,
        queries: Sequence[Mapping[str, Any]],
        protocol: Mapping[str, Any],
        *,
        features: Sequence[Path],
        weights: Path,
        threads: int,
        device: str,
    ) -> None:
        """Keep where things are; nothing is read.

        Args:
            queries: rows of schemas.QUERIES.
            protocol: how the benchmark asks: prompt, text_prompt, caption_order of `Queries`.
            features: feature files of the image set that holds the references.
            weights: of the backbone.
            threads: for torch.
            device: auto, cpu or cuda.
        """
        self._rows, self._protocol = queries, protocol
        self._features, self._weights = list(features), weights
        self._threads, self._device = threads, device
        self._references = [query["reference_id"] for query in queries]
        self._kept: dict[tuple[str, ...], Any] = {}

    #: What is one for all runs, and what each run has files of its own for.
    SHARED = ("queries", "backbone", "reference_features")
    OWN = ("tokens", "phi", "reference_captions", "reference_concepts")

    @property
    def queries(self) -> "Queries":
        """The benchmark's queries."""
        found: Queries = self._once(("queries",), [], self._read_queries)
        return found

    def get(self, name: str, run: Mapping[str, Any]) -> Any:
        """What a method reads by this name.

        Args:
            name: of a parameter.
            run: `method`, `composer` and `inputs`, its own files by name.

        Raises:
            CirqueError: nothing has this name, or the run names no file of it.
        """
        if name == "queries":
            return self.queries
        if name == "backbone":
            return self._once(("backbone",), [self._weights], lambda: self._read_backbone(run["method"]))
        if name == "reference_features":
            return self._once((name,), self._features, lambda: load_features(self._features, self._references)[1])
        if name not in self.OWN:
            known = ", ".join([*self.SHARED, *self.OWN])
            raise CirqueError(f"method {run['composer']}: reads {name}, which nothing provides; there are {known}")
        if name not in run["inputs"]:
            cure = f"add `needs: {{{NEEDS[name]}: NAME}}` to methods.{run['method']}" if name in NEEDS else "give it"
            raise CirqueError(f"method {run['method']}: {run['composer']} reads {name} and has none; {cure}")
        pattern = str(run["inputs"][name])
        paths = (
            [Path(pattern.replace(SHARD, file.stem)) for file in self._features]
            if SHARD in pattern
            else [Path(pattern)]
        )
        readers: dict[str, Callable[[], Any]] = {
            "tokens": lambda: self._read_tokens(paths),
            "phi": lambda: self._read_phi(paths[0]),
            "reference_captions": lambda: self._read_captions(paths),
            "reference_concepts": lambda: self._read_concepts(paths[0]),
        }
        return self._once((name, pattern), paths, readers[name])

    def _once(self, key: tuple[str, ...], paths: Sequence[Path], read: Callable[[], Any]) -> Any:
        """A thing that is read when it is first asked for; its files are noted for whoever asks."""
        for path in paths:
            provenance.read(path)
        if key not in self._kept:
            self._kept[key] = read()
        return self._kept[key]

    def _read_queries(self) -> "Queries":
        from cirque.encoders.text_queries import Queries  # noqa: PLC0415  (torch is for the methods that ask for it)

        rows = self._rows
        given = {key: value for key, value in self._protocol.items() if value is not None}
        return Queries(
            [row["query_id"] for row in rows],
            [row["captions"] for row in rows],
            [row["full_caption"] for row in rows],
            **given,
        )

    def _read_backbone(self, method: str) -> "Backbone":
        from cirque import devices  # noqa: PLC0415  (likewise)
        from cirque.encoders import backbones  # noqa: PLC0415

        return backbones.load(self._weights, devices.prepare(self._threads, self._device), f"method {method}")

    def _read_phi(self, path: Path) -> "Phi":
        from cirque import devices  # noqa: PLC0415  (likewise)
        from cirque.networks import phi  # noqa: PLC0415

        return phi.load(path, devices.prepare(self._threads, self._device))

    def _read_tokens(self, paths: Sequence[Path]) -> np.ndarray:
        return vectors.take(*vectors.read(paths, "image_id", "token"), self._references, "reference", "pseudo token")

    def _read_captions(self, paths: Sequence[Path]) -> list[str]:
        from cirque.encoders import reference_captions  # noqa: PLC0415

        return reference_captions.load(paths, self._references)

    def _read_concepts(self, path: Path) -> list[str]:
        from cirque.texts import concepts  # noqa: PLC0415

        return [first for (first,) in concepts.read_nearest(path, self._references, 1)]
