"""Where every file of a run lies: the one grammar of paths below `results/`.

    KINDS["rankings"].path(benchmark="cirr_val", backbone="mini-B-16", method="searle", seed="0")
    KINDS["rankings"].glob()  # rankings/benchmark=*/backbone=*/method=*/seed=*/rankings.parquet
    parse("results/scale=mini/rankings/benchmark=cirr_val/…/rankings.parquet")  # the kind, and its wildcards' values

A kind of file is a pattern of `key=value` folders (DuckDB's hive partitions) below `results/scale=…`. Rules, the views
of `cirque.duckdb`, pages and `explain` derive from it.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

from cirque.errors import CirqueError

#: Folder of everything that is computed; one of its folders holds one scale.
RESULTS = "results"
SCALE = "scale={scale}"

RUN = "benchmark={benchmark}/backbone={backbone}/method={method}/seed={seed}"
_ENCODER = "backbone={backbone}/encoder_seed={encoder_seed}"
_SEEN = "image_set={image_set}/preprocess={preprocess}"
_COMPOSER = "training={training}/method={method}/backbone={backbone}/seed={seed}"
_NETWORK = "network={network}/backbone={backbone}/seed={seed}"

_WILDCARD = re.compile(r"\{(\w+)\}")

#: Values of wildcards that are no single folder's or file's name.
_VALUES = {"file": ".+"}


@dataclass(frozen=True)
class Kind:
    """One kind of stage file.

    Attributes:
        name: of the kind, as rules and views call it.
        pattern: relative to the folder of a scale, with wildcards in braces.
    """

    name: str
    pattern: str

    @property
    def wildcards(self) -> list[str]:
        """Names of its wildcards, in order."""
        return _WILDCARD.findall(self.pattern)

    @property
    def keys(self) -> list[str]:
        """Partition keys: the names of its folders `key=value`, in order."""
        return [part.split("=")[0] for part in self.pattern.split("/") if "=" in part]

    def path(self, **values: object) -> str:
        """The file of some values, relative to the folder of a scale.

        Raises:
            CirqueError: a wildcard has no value.
        """
        missing = [name for name in self.wildcards if name not in values]
        if missing:
            raise CirqueError(f"{self.name}: no value for {', '.join(missing)}; its pattern is {self.pattern}")
        return self.pattern.format(**values)

    def glob(self) -> str:
        """The pattern with `*` for each wildcard, or `**/*` for one that goes through folders."""
        return _WILDCARD.sub(lambda found: "**/*" if found[1] in _VALUES else "*", self.pattern)

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        pieces = _WILDCARD.split(self.pattern)  # texts and names in turn
        seen: set[str] = set()
        regex = ""
        for place, piece in enumerate(pieces):
            if place % 2 == 0:
                regex += re.escape(piece)
            else:
                regex += f"(?P={piece})" if piece in seen else f"(?P<{piece}>{_VALUES.get(piece, '[^/]+')})"
                seen.add(piece)
        return re.compile(rf"(?:.*/)?scale=(?P<scale>[^/]+)/{regex}")

    def match(self, path: str | Path) -> dict[str, str] | None:
        """Values of the wildcards, and `scale`, if the path is a file of this kind; else None."""
        found = self._expression.fullmatch(Path(path).as_posix())
        return found.groupdict() if found else None


KINDS: dict[str, Kind] = {
    name: Kind(name, pattern)
    for name, pattern in {
        # bytes and queries
        "released": "released/{file}.json",
        "images": "images/image_set={image_set}/images.parquet",
        "shards": "shards/image_set={image_set}/{shard}.tar",
        "queries": "queries/benchmark={benchmark}/queries.parquet",
        "triplets": "triplets/image_set={image_set}/triplets.parquet",
        "gallery": "gallery/benchmark={benchmark}/gallery.parquet",
        # encoders and what they make of images and texts
        "weights": f"backbones/{_ENCODER}/weights.safetensors",
        "weights_card": f"backbones/{_ENCODER}/weights.json",
        "features": f"features/{_SEEN}/{_ENCODER}/{{part}}.parquet",
        "concept_features": f"concept_features/{_ENCODER}/features.parquet",
        "concepts": f"concepts/{_SEEN}/{_ENCODER}/concepts.parquet",
        "captioner": "captioners/captioner={captioner}/weights.safetensors",
        "captioner_card": "captioners/captioner={captioner}/weights.json",
        "reference_captions": "reference_captions/captioner={captioner}/image_set={image_set}/{part}.parquet",
        # texts
        "language_model": "language_model/source={source}",
        "phrases": "phrases/{part}.parquet",
        "phrase_features": f"phrase_features/{_ENCODER}/{{part}}.parquet",
        "tagger": "tagger/source={source}",
        "captions": "captions/corpus={corpus}/{part}.parquet",
        "caption_features": f"caption_features/corpus={{corpus}}/{_ENCODER}/{{part}}.parquet",
        # pseudo tokens and networks
        "tokens": f"tokens/inversion={{inversion}}/{_SEEN}/backbone={{backbone}}/seed={{seed}}/{{part}}.parquet",
        "phi": f"phi/{_NETWORK}/phi.safetensors",
        "phi_card": f"phi/{_NETWORK}/phi.json",
        "training": f"phi/{_NETWORK}/training.parquet",
        # models that are trained as a whole
        "pixels": f"pixels/{_SEEN}/{_ENCODER}/pixels.npy",
        "composer": f"composers/{_COMPOSER}/weights.safetensors",
        "composer_card": f"composers/{_COMPOSER}/weights.json",
        "composer_training": f"composers/{_COMPOSER}/training.parquet",
        "reconstructions": f"reconstructions/{_COMPOSER}/pictures.parquet",
        # pictures of a data set
        "css_scenes": "css_scenes/scenes.parquet",
        # evaluation
        "query_features": f"query_features/{RUN}/queries.parquet",
        "rankings": f"rankings/{RUN}/rankings.parquet",
        "metrics": f"metrics/{RUN}/metrics.parquet",
        "submissions": f"submissions/{RUN}/{{server_file}}.json",
        # what people look at
        "facts": "facts/{fact}.parquet",
        "facts_of_backbone": "facts/backbone={backbone}/{fact}.parquet",
        "training_times": f"training_times/{_NETWORK}/times.parquet",
        "settings": "settings.json",
        "tables": "table_{table}.parquet",
        "pages": "table_{table}.html",
    }.items()
}

#: The same patterns as rules write them: `FILE.rankings` is `<scale>/rankings/…`, whose first part Snakemake fills in.
IN_RULES = SimpleNamespace(**{name: f"<scale>/{kind.pattern}" for name, kind in KINDS.items()})


def scale_folder(scale: str) -> str:
    """The folder of a scale: `results/scale=mini`."""
    return f"{RESULTS}/{SCALE.format(scale=scale)}"


def parse(path: str | Path) -> tuple[Kind, dict[str, str]] | None:
    """The kind of a file and the values of its wildcards, `scale` among them; None if the grammar has no such file."""
    for kind in KINDS.values():
        values = kind.match(path)
        if values is not None:
            return kind, values
    return None


def partitions(path: str | Path) -> dict[str, str]:
    """Every `key=value` folder of a path, whatever its kind."""
    return dict(part.split("=", 1) for part in Path(path).parts if "=" in part)
