"""Check a configuration against its schema and against itself, and turn its sections into command lines."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from cirque.errors import CirqueError
from cirque.families import DATASETS, ENCODERS, FACTS, PREPROCESSINGS, reads_texts, takes_tokens
from cirque.plan import composers, evaluation, jobs, members, values
from cirque.plan.layers import read


def _is_integer(_: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


#: JSON takes 48.0 for an integer; Python does not, and counts with it.
_VALIDATOR: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


def check(config: Mapping[str, Any], schema_path: Path) -> None:
    """Refuse a configuration with an unknown key, a number out of range, or a name that is in no list.

    Raises:
        CirqueError: one line for each fault: the key, what is wrong and what is allowed.
    """
    schema = read(schema_path)
    validator = _VALIDATOR(schema)
    faults = [
        _sentence(error)
        for error in sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.path)))
    ]
    faults += values.faults(config)
    if not faults:
        faults = _faults_by_backbone(config, validator)
    if not faults:
        faults = _dangling_names(config)
    if faults:
        raise CirqueError("the configuration is refused:\n" + "\n".join(f"  {fault}" for fault in faults))


def _faults_by_backbone(config: Mapping[str, Any], validator: Any) -> list[str]:
    """What is wrong with networks as they are on single backbones."""
    varied = {key: entry["by_backbone"] for key, entry in config["networks"].items() if "by_backbone" in entry}
    faults = [
        f"networks.{key}.by_backbone: {name!r} is not described in the section backbones, which has"
        f" {', '.join(config['backbones'])}"
        for key, backbones in varied.items()
        for name in backbones
        if name not in config["backbones"]
    ]
    for key, backbones in varied.items():
        for name in backbones:
            whole = {**config, "networks": {f"{key}.by_backbone.{name}": jobs.network(config, key, name)}}
            faults += [_sentence(error) for error in validator.iter_errors(whole)]
    return faults


def _sentence(error: jsonschema.ValidationError) -> str:
    """What a schema error says to a person."""
    if error.validator == "oneOf" and error.context:
        # Speak of the alternative that the `source` names, not of all of them.
        chosen = [
            e
            for e in error.context
            if not any(f.schema_path[0] == e.schema_path[0] and f.validator == "const" for f in error.context)
        ]
        if chosen:
            return "\n  ".join(_sentence(e) for e in chosen)
        sources = [e.validator_value for e in error.context if e.validator == "const"]
        return f"{_where(error)}: source must be one of {', '.join(map(str, sources))}"
    where = _where(error)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = dict(error.schema).get("properties", {}) if isinstance(error.schema, Mapping) else {}
        unknown = [str(key) for key in error.instance if key not in known]
        return f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(known)}"
    if error.validator == "type":
        return f"{where}: {_wrong_type(error)}"
    if error.validator == "enum":
        allowed: list[object] = list(error.schema["enum"]) if isinstance(error.schema, Mapping) else []
        return f"{where}: {error.instance!r} is not one of {', '.join(map(str, allowed))}"
    return f"{where}: {error.message}"


def _wrong_type(error: jsonschema.ValidationError) -> str:
    """Why a value is not of the type that its key has."""
    if isinstance(error.instance, str) and "number" in str(error.validator_value):
        return f"{error.instance!r} is a text, not a number (YAML wants a point in it: 1.0e-4)"
    if isinstance(error.instance, float) and "integer" in str(error.validator_value):
        return f"{error.instance!r} is not a whole number; write it without a point"
    return error.message


def _where(error: jsonschema.ValidationError) -> str:
    return ".".join(map(str, error.absolute_path)) or "top level"


def _dangling_names(config: Mapping[str, Any]) -> list[str]:
    """Names that are used but described nowhere."""
    tables = {f"tables.{key}": entry for key, entry in config["tables"].items()}
    uses = [
        (f"{place}.{section}", name, section)
        for place, entry in {"run": config["run"], **tables}.items()
        for section in ("backbones", "methods", "benchmarks")
        for name in entry.get(section, [])
    ]
    uses += [
        (f"{place}.supervised", name, "methods")
        for place, entry in tables.items()
        for name in entry.get("supervised", [])
    ]
    for section in ("benchmarks", "trainings"):
        for key, entry in config.get(section, {}).items():
            of_composers = (("training", "trainings"), ("reference_set", "image_sets"), ("image_set", "image_sets"))
            uses += [(f"{section}.{key}.{word}", entry[word], of) for word, of in of_composers if word in entry]
    for key, entry in config["networks"].items():
        named = (
            ("image_set", "image_sets"),
            ("inversion", "inversions"),
            ("validation", "benchmarks"),
            ("corpus", "corpora"),
        )
        uses += [(f"networks.{key}.{word}", entry[word], section) for word, section in named if word in entry]
        uses += [(f"networks.{key}.corpora", corpus, "corpora") for corpus in entry.get("corpora", [])]
    uses += [
        (f"inversions.{key}.network", entry["network"], "networks")
        for key, entry in config["inversions"].items()
        if "network" in entry
    ]
    for key, entry in config["methods"].items():
        uses += [(f"methods.{key}.rankings", name, "benchmarks") for name in entry.get("rankings", {})]
        uses += [(f"methods.{key}.backbone", entry["backbone"], "backbones")] if "backbone" in entry else []
        for word, section in (("tokens", "inversions"), ("phi", "networks"), ("captions", "captioners")):
            needs = entry.get("needs", {})
            uses += [(f"methods.{key}.needs.{word}", needs[word], section)] if word in needs else []
    uses += [
        (f"{place}.only.{method}", name, "backbones")
        for place, entry in tables.items()
        for method, names in entry.get("only", {}).items()
        for name in names
    ]
    by_backbone = config["precision"].get("by_backbone", {})
    uses += [("precision.by_backbone", name, "backbones") for name in by_backbone]
    for place, entry in tables.items():
        for backbone, methods in entry.get("also", {}).items():
            uses += [(f"{place}.also", backbone, "backbones")]
            uses += [(f"{place}.also.{backbone}", method, "methods") for method in methods]
    finetuned = {key: entry for key, entry in config["backbones"].items() if entry["weights"]["source"] == "finetuned"}
    for key, entry in finetuned.items():
        uses += [
            (f"backbones.{key}.weights.{word}", entry["weights"][word], section)
            for word, section in (("backbone", "backbones"), ("image_set", "image_sets"))
        ]
    of_facts = (("network", "networks"), ("image_set", "image_sets"), ("corpus", "corpora"))
    for key, entry in config.get("facts", {}).items():
        uses += [(f"facts.{key}.{word}", entry[word], section) for word, section in of_facts if word in entry]
    for key, entry in config.get("plots", {}).items():
        uses += [(f"plots.{key}.{word}", name, word) for word in ("methods", "tables") for name in entry.get(word, [])]
        uses += [(f"plots.{key}.scores", name, "benchmarks") for name in entry.get("scores", {})]
        uses += [(f"plots.{key}.benchmark", entry["benchmark"], "benchmarks")] if "benchmark" in entry else []
    faults = [
        f"{where}: {name!r} is not described in the section {section}, which has {', '.join(config.get(section, {}))}"
        for where, name, section in uses
        if name not in config.get(section, {})
    ]
    faults += [
        f"{place}.facts: no fact is called {name!r}; there are {', '.join(FACTS.names())}"
        for place, entry in tables.items()
        for name in entry.get("facts", [])
        if name not in FACTS.names()
    ]
    faults += [
        f"{place}.only: {name!r} is not among the methods of this table"
        for place, entry in tables.items()
        for name in entry.get("only", {})
        if name not in [*entry.get("methods", config["run"]["methods"]), *entry.get("supervised", [])]
    ]
    faults += [
        f"methods.{key}.rankings: the answers of {name} are on a server, so nothing can be measured here; leave it out"
        for key, entry in config["methods"].items()
        for name in entry.get("rankings", {})
        if config["benchmarks"].get(name, {}).get("answers") == "hidden"
    ]
    faults += [_unfit_start(config, key) for key in finetuned if _unfit_start(config, key)]
    faults += evaluation.faults(config)
    faults += members.faults(config)
    faults += [*_strange_modules(config), *_unfit_encoders(config)]
    faults += [] if faults else composers.faults(config)
    return faults or evaluation.without_texts(config)


def _strange_modules(config: Mapping[str, Any]) -> list[str]:
    """Names of modules that are in no family."""
    uses = [
        (f"{section}.{key}.dataset", entry["dataset"], DATASETS)
        for section in ("image_sets", "benchmarks")
        for key, entry in config[section].items()
    ]
    uses += [("preprocess", config["preprocess"], PREPROCESSINGS)]
    uses += [
        (f"{section}.{key}.preprocess", entry["preprocess"], PREPROCESSINGS)
        for section in ("benchmarks", "captioners", "methods", "networks", "trainings")
        for key, entry in config.get(section, {}).items()
        if "preprocess" in entry
    ]
    uses += [
        (f"benchmarks.{key}.preprocess_baselines", entry["preprocess_baselines"], PREPROCESSINGS)
        for key, entry in config["benchmarks"].items()
        if "preprocess_baselines" in entry
    ]
    uses += [
        (f"backbones.{key}.weights.preprocess", entry["weights"]["preprocess"], PREPROCESSINGS)
        for key, entry in config["backbones"].items()
        if "preprocess" in entry["weights"]
    ]
    uses += [
        (f"backbones.{key}.encoder", entry["encoder"], ENCODERS)
        for key, entry in config["backbones"].items()
        if "encoder" in entry
    ]
    return [
        f"{where}: {name!r} has no module in {family.package}, which has {', '.join(family.names())}"
        for where, name, family in uses
        if name not in family.names()
    ]


#: Sources of weights that some kinds of models have, and whose they are.
_FITS_SOURCE: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "trained": (reads_texts, "an encoder's that reads texts"),
    "finetuned": (takes_tokens, "CLIP's alone"),
    "labelled": ("resnet".__eq__, "ResNet's alone"),
}


def _unfit_encoders(config: Mapping[str, Any]) -> list[str]:
    """Backbones whose weights cannot come from where the configuration says."""
    kinds = {key: jobs.encoder_kind(config, key) for key in config["backbones"]}
    faults = []
    for key, encoder in kinds.items():
        entry = config["backbones"][key]
        source = entry["weights"]["source"]
        if encoder not in ENCODERS.names():
            continue
        fits, whose = _FITS_SOURCE.get(source, (ENCODERS.names().__contains__, ""))
        if not fits(encoder):
            faults.append(
                f"backbones.{key}.weights.source: {source} is {whose}, not {encoder}'s; give pretrained or random"
            )
        if ":" in entry["model"]:
            faults.append(
                f"backbones.{key}.model: {entry['model']!r} names a place, not a model; give open_clip's name of the"
                " model, and a file at hand as `file` of its weights"
            )
        if source == "pretrained" and entry.get("per_seed"):
            faults.append(f"backbones.{key}.per_seed: a release is one model for all seeds; leave per_seed out")
        if source == "pretrained" and not ENCODERS.defines(encoder, "fetch"):
            faults.append(f"backbones.{key}.weights.source: the encoder {encoder} has no release; give random")
    return faults


def _unfit_start(config: Mapping[str, Any], backbone: str) -> str:
    """Why a fine-tuned backbone cannot start from the one that it names; empty if it can."""
    name = config["backbones"][backbone]["weights"]["backbone"]
    if name not in config["backbones"]:
        return ""  # named already
    where, start = f"backbones.{backbone}.weights.backbone", config["backbones"][name]
    if start["weights"]["source"] == "finetuned":
        return f"{where}: {name!r} is fine-tuned itself; name the backbone that it starts from"
    if start["model"] != config["backbones"][backbone]["model"]:
        return f"{where}: {name!r} is a {start['model']}, not a {config['backbones'][backbone]['model']}"
    return ""


def as_json(config: Mapping[str, Any]) -> str:
    """The configuration as one line of JSON, for a record beside a table."""
    return json.dumps(config, ensure_ascii=False)
