"""What a rule gives its stage: the flags of `python -m cirque STAGE`, made from the stage's signature.

    params:
        **call("extract_features", max_failed=lambda wildcards: …),
    shell:
        STAGE

Each parameter of the stage takes its value from the rule's setting, output, input or wildcard of the same name; the
rule's only output is the stage's `output`. Nothing is written twice, and nothing can be misspelt: a setting that the
stage does not have, or a parameter for which the rule has nothing, ends the workflow when it is parsed.
"""

import functools
import inspect
import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cirque.errors import CirqueError
from cirque.families import STAGES, Family, fields, signature
from cirque.store.provenance import code_version

#: Parameters that a rule gives although they have a default: what the configuration decides, a person may leave out.
ALWAYS_GIVEN = frozenset({"precision"})

#: Parameters of stages that a rule leaves to their defaults or that stand in the shell command itself.
LEFT_OUT = frozenset({"threads", "device", "seconds_between_saves"})


def flags(section: Mapping[str, Any], *leave_out: str) -> str:
    """A section of the configuration as command-line flags, in the order of its keys; a value None is left out."""
    words: list[str] = []
    for key, value in section.items():
        if key not in leave_out and value is not None:
            words.append("--" + key.replace("_", "-"))
            words += [str(item) for item in value] if _is_list(value) else [str(value)]
    return shlex.join(words)


def _is_list(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | Mapping)


def without(section: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """A section of the configuration but for some of its keys."""
    return {key: value for key, value in section.items() if key not in keys}


#: Modules that a stage finds by the name that a parameter gives it: of the job's wildcards and settings.
Found = Callable[[Mapping[str, Any]], Sequence[str]]


class Call:
    """The flags of one stage, as a function that Snakemake calls for each job.

    Attributes:
        stage: name of the stage.
        settings: what the rule gives besides its files and wildcards: values, or functions of wildcards (and input).
        family: of the members that the stage serves; None if it serves none.
        member: the chosen one, as a value or a function of wildcards.
        found_by_name: by the stage's parameter, what gives the modules that a job finds by it; set by `complete`.
    """

    def __init__(
        self, stage: str, settings: Mapping[str, Any], family: Family | None = None, member: Any = None
    ) -> None:
        """Check the settings' names.

        Raises:
            CirqueError: there is no such stage, or it has no such parameter.
        """
        self.stage, self.settings, self.family, self.member = stage, dict(settings), family, member
        self.found_by_name: Mapping[str, Found] = {}
        self.parameters = signature(STAGES.file(stage), "main")
        if family is not None:
            self.parameters = dict(list(self.parameters.items())[1:])  # the first is the member's name
        else:
            unknown = [name for name in self.settings if name not in self.parameters]
            if unknown:
                raise CirqueError(
                    f"stage {stage} has no parameter {', '.join(unknown)}; it has {', '.join(self.parameters)}"
                )

    def lacking(self, names: Iterable[str], n_outputs: int) -> list[str]:
        """Parameters that must be given, or always are, and for which a rule has no setting, file or wildcard.

        Args:
            names: of the rule's inputs, outputs and wildcards.
            n_outputs: how many outputs the rule has.
        """
        known = {*names, *self.settings, *LEFT_OUT} | ({"output"} if n_outputs == 1 else set())
        known |= {key for value in self.settings.values() if isinstance(value, Mapping) for key in value}
        return [
            name
            for name, required in self.parameters.items()
            if (required or name in ALWAYS_GIVEN) and name not in known
        ]

    def modules(self, wildcards: Any) -> list[str]:
        """Modules that a job finds by name: its stage's member, and those of `found_by_name`."""
        names = [] if self.family is None else [self.family.module(str(_value(self.member, wildcards, None)))]
        read = [found for parameter, found in self.found_by_name.items() if parameter in self.parameters]
        if read:
            job = dict(wildcards.items()) | {
                key: value(wildcards) if callable(value) else value
                for key, value in self.settings.items()
                if key in self.found_by_name
            }
            names += [module for found in read for module in found(job)]
        return names

    def given(self, wildcards: Any) -> str:
        """What the configuration gives one job, as text: its member, and the settings that no file decides."""
        settings = {
            key: _value(value, wildcards, None) for key, value in self.settings.items() if not _reads_files(value)
        }
        member = None if self.family is None else _value(self.member, wildcards, None)
        return json.dumps([member, settings], sort_keys=True, default=_paths_as_text)

    def __call__(self, wildcards: Any, input: Any, output: Any) -> str:
        """The command's words for one job: the stage, its member if it serves a family, and the flags.

        Raises:
            CirqueError: the member has no parameter of a setting's name, or lacks one.
        """
        given = {key: _value(value, wildcards, input) for key, value in self.settings.items()}
        files = {**dict(wildcards.items()), **dict(input.items()), **dict(output.items())}
        if "output" not in files and len(output) == 1:
            files["output"] = output[0]
        parameters, words = self.parameters, [self.stage]
        if self.family is not None:
            words.append(str(_value(self.member, wildcards, input)))
            made = STAGES.literal(self.stage, "GIVEN", ())  # by the stage itself
            read = self.family.parameters(words[-1])
            parameters = {**{name: read[name] for name in read if name not in made}, **parameters}
        # Settings that the member takes one by one, and not as a dataclass.
        values = {
            key: value
            for name, settings in given.items()
            if isinstance(settings, Mapping) and name not in parameters
            for key, value in settings.items()
        }
        for name in parameters:
            if isinstance(given.get(name), Mapping):
                values |= given[name]  # a dataclass of settings: its fields are flags
            elif name not in LEFT_OUT and (name in given or name in files):
                value = given[name] if name in given else files[name]
                values[name] = None if value in ([], ()) else _paths(value)
        return f"{' '.join(words)} {flags(values)}"


def _value(value: Any, wildcards: Any, inputs: Any) -> Any:
    """A setting of a job: itself, or what its function gives."""
    if not callable(value):
        return value
    return value(wildcards, inputs) if _reads_files(value) else value(wildcards)


def _reads_files(value: Any) -> bool:
    """Whether a setting is a function of a job's inputs, too."""
    return callable(value) and _n_parameters(value) > 1


@functools.cache
def _n_parameters(function: Callable[..., Any]) -> int:
    return len(inspect.signature(function).parameters)


def _paths_as_text(value: Any) -> Any:
    """What JSON does not know: a sequence of its own kind as a list, all else as its text."""
    return list(value) if _is_list(value) else str(value)


def _paths(value: Any) -> Any:
    """One file as itself, several as a list."""
    return list(value) if _is_list(value) else value


def call(
    stage: str,
    *,
    family: Family | None = None,
    member: Any = None,
    modules: Sequence[str] | Callable[[Any], Sequence[str]] = (),
    **settings: Any,
) -> dict[str, Any]:
    """The params of a rule that runs a stage: `call`, its flags, `given`, its settings, and `code`, their version.

    Snakemake compares with the last run's only params that read no files: a changed setting runs a job again because
    it stands in `given`, not because it stands in `call`.

    Args:
        stage: name of the stage.
        family: of members, if the stage serves one.
        member: the chosen member: a value, or a function of wildcards.
        modules: modules that the stage imports by name: a list, or a function of wildcards.
        **settings: what the stage takes besides the rule's files and wildcards: values, or functions of wildcards (and
            input). A value None leaves a flag out.
    """
    called = Call(stage, settings, family, member)

    def code(wildcards: Any) -> str:
        given = modules(wildcards) if callable(modules) else modules
        return code_version(stage, *given, *called.modules(wildcards))

    # Snakemake looks at the names of a function's parameters.
    def of_job(wildcards: Any, input: Any, output: Any) -> str:
        return called(wildcards, input, output)

    of_job.called = called  # type: ignore[attr-defined]
    return {"call": of_job, "given": called.given, "code": code}


def require_complete(rules: Iterable[Any]) -> None:
    """Refuse a rule that does not give its stage what the stage's signature asks.

    Args:
        rules: Snakemake's rules.

    Raises:
        CirqueError: a line for each rule and parameter.
    """
    faults = []
    for rule in rules:
        called = _called(rule)
        if called is not None:
            names = [*_names(rule.input), *_names(rule.output), *rule.wildcard_names]
            # What a function gives by `unpack` is known for each job only.
            open_ended = any(map(_is_unpacked, rule.input))
            lacking = [] if open_ended else called.lacking(names, len(rule.output))
            faults += [f"rule {rule.name} gives its stage {called.stage} nothing for {name}" for name in lacking]
    if faults:
        raise CirqueError("\n".join(faults))


def complete(rules: Iterable[Any], conda_env: str, **found_by_name: Found) -> None:
    """Give every rule that runs a stage what all of them have: a log and an environment.

    And in the version of its code the modules that the stage finds by name.

    Args:
        rules: Snakemake's rules; those that name a log of their own, or run no stage, stay as they are.
        conda_env: environment file, relative to the rule files.
        **found_by_name: by a parameter of stages, the modules that they find by it.

    Raises:
        CirqueError: as of `require_complete`.
    """
    rules = [rule for rule in rules if _called(rule) is not None]
    require_complete(rules)
    for rule in rules:
        # In the order of the outputs' paths, whose wildcards also hold their constraints: {shard,\d{5}}.
        mentioned = re.findall(r"\{([a-z_]+)", " ".join(map(str, rule.output)))
        wildcards = [name for name in dict.fromkeys(mentioned) if name in rule.wildcard_names]
        place = "/".join([rule.name, *(f"{{{name}}}" for name in wildcards)])
        rule.log_modifier = rule.output_modifier
        rule.set_log(f"<logs>/{place}.log")
        rule.conda_env = conda_env
        called = _called(rule)
        assert called is not None
        called.found_by_name = found_by_name


def _called(rule: Any) -> Call | None:
    """The call of a rule's stage; None if it runs none."""
    called: Call | None = getattr(dict(rule.params.items()).get("call"), "called", None)
    return called


def _names(files: Any) -> list[str]:
    return [name for name, _ in files.items()]


def _is_unpacked(item: Any) -> bool:
    return bool(getattr(item, "flags", {}).get("unpack"))


def settings_of(family: Family, member: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration's entry that is the settings of its member: the fields of the member's `Settings`."""
    own = _fields(family.file(member))
    return {key: value for key, value in entry.items() if key in own}


@functools.cache
def _fields(file: Path) -> frozenset[str]:
    return frozenset(fields(file, "Settings"))
