"""A configuration from somebody else is no shell: whatever its texts hold, they are words of commands."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cirque.errors import CirqueError
from cirque.plan.config import check
from tests.configurations import configured
from tests.conftest import REPOSITORY
from tests.workflow.conftest import Project, make_project

pytestmark = pytest.mark.workflow

SCHEMA = REPOSITORY / "config/config.schema.yaml"
HOSTILE = "x'$(touch y)`touch z`; touch w"


def places(section: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a configuration holds a text."""
    if isinstance(section, str):
        yield place
    elif isinstance(section, dict | list):
        for key, value in section.items() if isinstance(section, dict) else enumerate(section):
            yield from places(value, (*place, key))


def put(config: dict[str, Any], place: tuple[str | int, ...], value: str) -> None:
    node: Any = config
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value


def accepted(config: dict[str, Any]) -> bool:
    try:
        check(config, SCHEMA)
    except CirqueError:
        return False
    return True


def unquoted(command: str) -> str:
    """A command without what stands in single quotes."""
    return re.sub(r"'[^']*'", "", command.replace("'\"'\"'", ""))  # an apostrophe within them is quoted itself


def hostile_project(root) -> tuple[Project, list[str]]:
    """A project whose texts are hostile wherever the configuration takes that, and the keys of these."""
    config = configured("config")
    # What mini's configuration has not, another one may.
    config["benchmarks"]["cirr_val"] |= {"prompt": "a $ that {caption}", "text_prompt": "{caption}"}
    taken = []
    of_kind = {(place[0], place[-1], len(place)): place for place in reversed(list(places(config)))}
    for place in of_kind.values():
        tried = copy.deepcopy(config)
        prompt = f"{HOSTILE.replace('$', '')} $ {{caption}}"
        for value in (HOSTILE, prompt if place[-1] == "prompt" else f"{HOSTILE.replace('$', '')} {{caption}}"):
            put(tried, place, value)
            if accepted(tried):
                put(config, place, value)
                taken.append(".".join(map(str, place)))
                break
    project = make_project(root)
    (project.root / "tiny.yaml").write_text(yaml.safe_dump({**config, "papers": None}, sort_keys=False))
    return project, taken


def test_no_text_of_a_configuration_is_run(tmp_path):
    project, taken = hostile_project(tmp_path / "o'brien's cirque")
    keys = {key.rpartition(".")[2] for key in taken}
    assert {"not_comparable_because", "prompt", "text_prompt", "label"} <= keys
    assert not {"data_root", "model", "file", "tag"} & keys
    done = project.snakemake("-n", "-p", "-c2", "all")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    commands = re.findall(r"^(?:Shell command: )?(python -m cirque .*)$", done.stdout, re.MULTILINE)
    assert any("touch y" in command for command in commands)
    assert not [command for command in commands if "touch" in unquoted(command)]


def test_a_project_and_its_data_may_lie_in_folders_with_spaces_and_apostrophes(tmp_path):
    project = make_project(tmp_path / "o'brien's cirque")
    project.configure(data_root="data/it's mine")
    made = "results/scale=tiny/queries/benchmark=cirr_val/queries.parquet"
    done = project.snakemake("-c2", "--", made)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (project.root / made).is_file()
    assert (project.root / "data/it's mine/CIRR").is_dir()


def test_a_value_on_the_command_line_needs_no_configuration_file(tmp_path):
    """`--config` is laid over the default scale, whichever of its keys it names."""
    project = make_project(tmp_path / "project")
    words = ("-n", "-c2", "--config", "scale=mine", "--", "results/scale=mine/settings.json")
    done = project.snakemake(*words, configfile=None)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
