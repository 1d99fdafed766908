"""What methods read, by the name of their parameters; each thing is read once for all methods of a job.

provider.get("phi", run)  # the network of that run; the backbone and the features are all runs' own

A further thing that methods may read is a line in `plan.evaluation.READS` and a function in READERS.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cirque.encoders.features import load_features
from cirque.errors import CirqueError
from cirque.families import reads_texts
from cirque.plan.evaluation import NEEDS, READS, unknown
from cirque.precisions import FrozenPrecision
from cirque.store import files, provenance, schemas, vectors

if TYPE_CHECKING:
    import torch

    from cirque.encoders.backbones import Backbone, Encoder
    from cirque.encoders.text_queries import Queries
    from cirque.networks.combiner import Combiner
    from cirque.networks.phi import Phi

Run = Mapping[str, Any]
Files = Mapping[str, Sequence[Path]]


class Provider:
    """Reads what a method asks for when it is first asked for, and notes for each run which files it rests on."""

    def __init__(
        self,
        queries: Sequence[Mapping[str, Any]],
        protocol: Mapping[str, Any],
        *,
        features: Sequence[Path],
        weights: Path,
        preprocess: str,
        threads: int,
        device: str,
        precision: FrozenPrecision,
    ) -> None:
        """Keep where things are; nothing is read.

        Args:
            queries: rows of schemas.QUERIES.
            protocol: how the benchmark asks: prompt, text_prompt, caption_order of `Queries`.
            features: feature files of the image set that holds the references.
            weights: of the backbone.
            preprocess: name of the preprocessing of the references' pixels.
            threads: for torch, and as many that decode.
            device: auto, cpu or cuda.
            precision: what the towers' products are computed in.
        """
        self.rows, self.protocol, self.preprocess, self.threads = queries, protocol, preprocess, threads
        self.references = [query["reference_id"] for query in queries]
        self._shared: Files = {"features": list(features), "weights": [weights]}
        self._device, self._precision = device, precision
        self._kept: dict[tuple[str, ...], Any] = {}

    @property
    def queries(self) -> "Queries":
        """The benchmark's queries."""
        found: Queries = self.get("queries", {})
        return found

    @property
    def device(self) -> "torch.device":
        """Where torch computes; sets up its threads."""
        from cirque import devices  # noqa: PLC0415  (torch is for the methods that ask for it)

        return devices.prepare(self.threads, self._device, self._precision)

    @property
    def dtype(self) -> "torch.dtype":
        """Of the towers' weights and products."""
        from cirque import devices  # noqa: PLC0415

        return devices.TYPES[self._precision]

    def get(self, name: str, run: Run) -> Any:
        """What a method reads by this name; its files are noted for the run, whoever asked first.

        Args:
            name: of a parameter.
            run: `method`, `composer` and `inputs`, its own files by kind.

        Raises:
            CirqueError: nothing has this name, or the run names no file of it.
        """
        if name not in READERS:
            raise CirqueError(f"method {run['composer']}: {unknown(name)}")
        own = {kind: self._paths(name, kind, run) for kind in READS[name]}
        paths = [path for kind in own.values() for path in kind]
        for path in paths:
            provenance.read(path)
        key = (name, *map(str, paths))
        if key not in self._kept:
            self._kept[key] = READERS[name](self, own, run)
        return self._kept[key]

    def _paths(self, name: str, kind: str, run: Run) -> Sequence[Path]:
        """Files of a kind that a run reads something from."""
        if kind in self._shared:
            return self._shared[kind]
        if kind not in run["inputs"]:
            cure = f"add `needs: {{{NEEDS[name]}: NAME}}` to methods.{run['method']}" if name in NEEDS else "give it"
            raise CirqueError(f"method {run['method']}: {run['composer']} reads {name} and has none; {cure}")
        return [Path(file) for file in run["inputs"][kind]]


# ---- readers: torch is imported by those alone that need it ---------------------------------------------------------


def _queries(provider: Provider, own: Files, run: Run) -> "Queries":
    from cirque.encoders.text_queries import Queries  # noqa: PLC0415

    rows = provider.rows
    given = {key: value for key, value in provider.protocol.items() if value is not None}
    return Queries(
        [row["query_id"] for row in rows],
        [row["captions"] for row in rows],
        [row["full_caption"] for row in rows],
        **given,
    )


def _backbone(provider: Provider, own: Files, run: Run) -> "Backbone":
    from cirque.encoders import backbones  # noqa: PLC0415

    return backbones.load(own["weights"][0], provider.device, f"method {run['method']}", provider.dtype)


def _encoder(provider: Provider, own: Files, run: Run) -> "Encoder":
    """The backbone where it reads texts, which is then loaded once for both names; else for images alone."""
    from cirque.encoders import backbones  # noqa: PLC0415

    (weights,) = own["weights"]
    if reads_texts(backbones.read_side_car(weights)["encoder"]):
        whole: Encoder = provider.get("backbone", run)
        return whole
    return backbones.load_images(weights, provider.device, provider.dtype)


def _features(provider: Provider, own: Files, run: Run) -> np.ndarray:
    return load_features(own["features"], provider.references)[1]


def _pixels(provider: Provider, own: Files, run: Run) -> np.ndarray:
    from cirque.data.shard_index import ShardIndex  # noqa: PLC0415
    from cirque.encoders import backbones, extraction  # noqa: PLC0415

    names, rows = np.unique(provider.references, return_inverse=True)  # each is decoded once
    index = ShardIndex(own["shards"], files.read_table(own["images"][0], schemas.IMAGES.names).to_pylist())
    size = backbones.sizes(own["weights"][0]).image_size
    return extraction.pixels_of(index, index.numbers(names.tolist()), provider.preprocess, size, provider.threads)[rows]


def _seen_by(tower: str) -> Callable[[Provider, Files, Run], np.ndarray]:
    """Reader of what a tower of the model makes of the references; `tower` is a method of `backbones.Encoder`."""

    def read(provider: Provider, own: Files, run: Run) -> np.ndarray:
        from cirque.encoders import extraction  # noqa: PLC0415

        encoder, device = provider.get("encoder", run), provider.device
        _, first, rows = np.unique(provider.references, return_index=True, return_inverse=True)
        pixels = provider.get("reference_pixels", run)[first]
        encode = extraction.encoder(getattr(encoder, tower), encoder.mean, encoder.std, device, provider.dtype)
        return extraction.encode_all(encode, pixels, extraction.BATCH[device.type])[rows]

    return read


def _captions(provider: Provider, own: Files, run: Run) -> list[str]:
    from cirque.encoders import reference_captions  # noqa: PLC0415

    return reference_captions.load(own["reference_captions"], provider.references)


def _concepts(provider: Provider, own: Files, run: Run) -> list[str]:
    from cirque.texts import concepts  # noqa: PLC0415

    return [first for (first,) in concepts.read_nearest(own["concepts"][0], provider.references, 1)]


def _tokens(provider: Provider, own: Files, run: Run) -> np.ndarray:
    found = vectors.read(own["tokens"], "image_id", "token")
    return vectors.take(*found, provider.references, "reference", "pseudo token")


def _phi(provider: Provider, own: Files, run: Run) -> "Phi":
    from cirque.networks import phi  # noqa: PLC0415

    return phi.load(own["phi"][0], provider.device)


def _combiner(provider: Provider, own: Files, run: Run) -> "Combiner":
    from cirque.networks import combiner  # noqa: PLC0415

    return combiner.load(own["phi"][0], provider.device)


#: How each thing of READS is read: by its provider, from its files by kind, for a run.
READERS: Mapping[str, Callable[[Provider, Files, Run], Any]] = {
    "queries": _queries,
    "backbone": _backbone,
    "encoder": _encoder,
    "reference_features": _features,
    "reference_pixels": _pixels,
    "reference_maps": _seen_by("image_maps"),
    "query_image_features": _seen_by("encode_query_image"),
    "reference_captions": _captions,
    "reference_concepts": _concepts,
    "tokens": _tokens,
    "phi": _phi,
    "combiner": _combiner,
}
