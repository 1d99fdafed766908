"""Files that a member of a family reads, by the names of its parameters.

    of_network(config, "searle", "ViT-L-14", seed="42")  # {"features": [...], "tokens": [...], …}

A trainer, an inversion or a fact names what it reads; its entry in the configuration says of what (`image_set`,
`inversion`, `corpora`, …); this table says which files that is. Paths are as rules write them, below `<scale>` and
`<data>`. A parameter that may be absent is left out where the entry names nothing for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cirque.errors import CirqueError
from cirque.families import INVERSIONS, TRAINERS, Family
from cirque.plan import jobs, sources
from cirque.plan.paths import IN_RULES

Config = Mapping[str, Any]
Files = str | list[str]

#: Names of the concepts (Open Images class file).
VOCABULARY = "<data>/openimages/oidv7-class-descriptions.csv"


@dataclass(frozen=True)
class Subject:
    """What a member works on.

    Attributes:
        config: the configuration.
        entry: the member's entry in it, with what its job adds (such as an image set).
        backbone: name of the backbone.
        seed: of the run.
    """

    config: Config
    entry: Mapping[str, Any]
    backbone: str
    seed: str

    @property
    def encoder(self) -> dict[str, str]:
        """The backbone as wildcard values."""
        return jobs.encoder(self.config, self.backbone, self.seed)

    def of_images(self, pattern: str, image_set: str, preprocess: str, **values: str) -> list[str]:
        """A file of every part of an image set."""
        return jobs.of_images(self.config, pattern, image_set, **{**self.encoder, "preprocess": preprocess, **values})

    def parts(self, pattern: str) -> list[str]:
        """A file of every part of the corpora."""
        corpora = self.entry["corpora"] if "corpora" in self.entry else [self.entry["corpus"]]
        return [pattern.format(**self.encoder, **part) for part in jobs.caption_parts(self.config, corpora)]

    def phrases(self, pattern: str) -> list[str]:
        """A file of every part of the vocabulary."""
        return [pattern.format(**self.encoder, part=part) for part in jobs.parts(self.config)]

    @property
    def preprocess(self) -> str:
        """How the entry's images become the towers' input."""
        return str(self.entry.get("preprocess", self.config["preprocess"]))


def _features(of: Subject) -> Files:
    return of.of_images(IN_RULES.features, of.entry["image_set"], of.preprocess)


def _image_features(of: Subject) -> Files | None:
    return _features(of) if of.entry["input"] == "image" else None


def _tokens(of: Subject) -> Files:
    own = {"inversion": of.entry["inversion"], "seed": of.seed}
    return of.of_images(IN_RULES.tokens, of.entry["image_set"], of.preprocess, **own)


def _concepts(of: Subject) -> Files:
    return str(IN_RULES.concepts.format(image_set=of.entry["image_set"], preprocess=of.preprocess, **of.encoder))


def _phi(of: Subject) -> Files:
    return str(IN_RULES.phi.format(network=of.entry["network"], backbone=of.backbone, seed=of.seed))


def _validated(of: Subject) -> str | None:
    """The benchmark that chooses the best network, where one does."""
    return str(of.entry["validation"]) if of.entry.get("selection") == "best" else None


def _validation_features(of: Subject) -> Files | None:
    benchmark = _validated(of)
    if benchmark is None:
        return None
    image_set = of.config["benchmarks"][benchmark]["image_set"]
    own = of.config["benchmarks"][benchmark].get("preprocess", of.preprocess)
    return of.of_images(IN_RULES.features, image_set, str(own))


def _of_validation(pattern: str) -> Callable[[Subject], Files | None]:
    return lambda of: pattern.format(benchmark=_validated(of)) if _validated(of) else None


#: Every input by its name: which files it is; None: none, as the entry says.
INPUTS: Mapping[str, Callable[[Subject], Files | None]] = {
    "weights": lambda of: IN_RULES.weights.format(**of.encoder),
    "features": _features,
    "image_features": _image_features,
    "tokens": _tokens,
    "concepts": _concepts,
    "phrases": lambda of: of.phrases(IN_RULES.phrases),
    "phrase_features": lambda of: of.phrases(IN_RULES.phrase_features),
    "captions": lambda of: of.parts(IN_RULES.captions),
    "caption_features": lambda of: of.parts(IN_RULES.caption_features),
    "vocabulary": lambda of: VOCABULARY,
    "titles": lambda of: f"<data>/{sources.image_list(of.config, of.entry['image_set'])}",
    "phi": _phi,
    "triplets": lambda of: IN_RULES.triplets.format(image_set=of.entry["image_set"]),
    "checkpoint": lambda of: str(of.entry["file"]),
    "queries": lambda of: [IN_RULES.queries.format(benchmark=name) for name in of.entry["benchmarks"]],
    "galleries": lambda of: [IN_RULES.gallery.format(benchmark=name) for name in of.entry["benchmarks"]],
    "validation_queries": _of_validation(IN_RULES.queries),
    "validation_gallery": _of_validation(IN_RULES.gallery),
    "validation_features": _validation_features,
}


def of_member(family: Family, member: str, subject: Subject) -> dict[str, Files]:
    """Files of every input that a member names.

    Raises:
        CirqueError: its entry does not say of what, though the member cannot do without.
    """
    files: dict[str, Files] = {}
    for name, required in family.parameters(member).items():
        if name not in INPUTS:
            continue
        try:
            given = INPUTS[name](subject)
        except KeyError as error:
            if not required:
                continue
            raise CirqueError(
                f"{family.noun} {member} reads {name}, for which its entry in the configuration needs the key"
                f" {error.args[0]}"
            ) from error
        if given is not None:
            files[name] = given
    return files


def of_inversion(config: Config, wildcards: Mapping[str, str]) -> dict[str, Files]:
    """Files that an inversion reads besides the part's features and the weights.

    Args:
        config: the configuration.
        wildcards: inversion, image_set, preprocess, backbone and seed.
    """
    entry = config["inversions"][wildcards["inversion"]]
    place = {key: wildcards[key] for key in ("image_set", "preprocess")}
    subject = Subject(config, {**entry, **place}, wildcards["backbone"], wildcards["seed"])
    return of_member(INVERSIONS, entry["kind"], subject)


def trainer(config: Config, network: str) -> str:
    """The trainer of a mapping network; `random` and `released` make those that the configuration does not train."""
    entry = config["networks"][network]
    return str(entry["source"] if entry["source"] in jobs.UNTRAINED else entry["trainer"])


def of_network(config: Config, network: str, backbone: str, seed: str) -> dict[str, Files]:
    """Files that the training of a network reads."""
    subject = Subject(config, jobs.network(config, network, backbone), backbone, seed)
    return of_member(TRAINERS, trainer(config, network), subject)
