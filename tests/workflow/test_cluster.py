"""The profile for a Slurm cluster: what computes with torch goes where the GPUs are, and nothing else does."""

import re
from dataclasses import fields

import pytest
import yaml
from snakemake.cli import get_argument_parser

from cirque.families import STAGES, signature
from tests.conftest import REPOSITORY
from tests.workflow.conftest import Project, make_project

pytestmark = pytest.mark.workflow

PROFILE = yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("cluster") / "project")


@pytest.fixture(scope="module")
def jobs(project: Project) -> list[tuple[str, dict[str, str], str]]:
    """Every planned job of all tables with the profile's resources."""
    return planned(project, *PROFILE["default-resources"])


def planned(project: Project, *resources: str) -> list[tuple[str, dict[str, str], str]]:
    """Every planned job of all tables with some default resources: rule, resources, command."""
    # The default configuration has a job of every rule; the default profile would lend one GPU to all jobs together.
    done = project.snakemake(
        "-n", "-p", "-c2", "all", "--workflow-profile", "none", "--default-resources", *resources, configfile=None
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = []
    for block in re.split(r"^(?=(?:local)?rule )", done.stdout, flags=re.MULTILINE)[1:]:
        stated = re.search(r"^    resources: (.*)$", block, re.MULTILINE)
        command = re.search(r"^Shell command: ?(.*)$|^(python -m (?:cirque|torch) .*)$", block, re.MULTILINE)
        rule = re.match(r"(?:local)?rule ([\w-]+)", block)
        assert rule
        pairs = dict(pair.split("=", 1) for pair in stated[1].split(", ")) if stated else {}
        found.append((rule[1], pairs, (command[1] or command[2]) if command else ""))
    return found


def computes(command: str) -> bool:
    """Whether a job computes on a device: its stage takes one, and the rule says with how many threads."""
    words = command.split()
    return "--threads" in words and "device" in signature(STAGES.file(words[3]), "main")


def test_a_job_with_torch_asks_for_a_gpu_and_its_partition(jobs: list[tuple[str, dict[str, str], str]]):
    with_torch = {rule: given for rule, given, command in jobs if command and computes(command)}
    assert len(with_torch) > 15
    asked = {rule: (given.get("gpu"), given["slurm_partition"]) for rule, given in with_torch.items()}
    assert {rule: found for rule, found in asked.items() if found != ("1", "gpu")} == {}


def test_a_job_without_torch_holds_no_gpu(jobs: list[tuple[str, dict[str, str], str]]):
    without = {rule: given for rule, given, command in jobs if command and not computes(command)}
    assert "tag_captions" in without
    asked = {rule: (given.get("gpu"), given["slurm_partition"]) for rule, given in without.items()}
    assert {rule: found for rule, found in asked.items() if found != (None, "cpu")} == {}


def test_fine_tuning_starts_a_process_for_each_gpu_that_the_profile_grants_it(project: Project):
    several = [entry.replace("gpus_of_a_training=1", "gpus_of_a_training=3") for entry in PROFILE["default-resources"]]
    found = {rule: (given, command) for rule, given, command in planned(project, *several)}
    given, command = found["finetune_backbone"]
    assert (given["gpu"], given["slurm_partition"]) == ("3", "gpu")
    # A batch of 64 divides among two of the three.
    assert command.startswith("python -m torch.distributed.run --standalone --nproc-per-node 2 -m cirque finetune")
    assert found["train_network"][0]["gpu"] == "1"


def test_the_profile_names_no_rule():
    assert not {"set-resources", "set-threads"} & set(PROFILE)


def test_options_of_the_profile_exist():
    plugin = pytest.importorskip("snakemake_executor_plugin_slurm")
    own = {f"slurm-{field.name.replace('_', '-')}" for field in fields(plugin.ExecutorSettings)}
    known = {option.removeprefix("--") for option in get_argument_parser()._option_string_actions} | own
    assert set(PROFILE) - known == set()


def test_resources_of_the_profile_are_ones_that_somebody_reads():
    named = {resource.partition("=")[0] for resource in PROFILE["default-resources"]}
    ours = named - {"slurm_partition"}  # the plugin's
    assert ours == {"gpu_partition", "gpus_of_a_training"}
    common = (REPOSITORY / "workflow/rules/common.smk").read_text(encoding="utf-8")
    assert all(f'"{name}"' in common for name in ours)


# ---- what each rule states -------------------------------------------------------------------------------------------


def rules() -> dict[str, str]:
    """Every rule's text by its place."""
    found = {}
    for file in sorted((REPOSITORY / "workflow/rules").glob("*.smk")):
        parts = re.split(r"^ *rule(?: (\w+))?:\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for number, (name, text) in enumerate(zip(parts[1::2], parts[2::2], strict=True)):
            found[f"{file.stem}/{name or number}"] = text
    return found


def test_every_rule_that_runs_a_stage_states_memory_and_time():
    stages = {name: text for name, text in rules().items() if "**call(" in text}
    assert len(stages) > 40
    assert [name for name, text in stages.items() if len(re.findall(r"\*\*(?:needs|torch_job)\(", text)) != 1] == []


def test_memory_and_time_are_stated_by_what_grows_with_the_attempt():
    stated = [line for text in rules().values() for line in text.splitlines() if re.search(r"mem_mb=|runtime=", line)]
    assert [line for line in stated if not re.search(r"\*\*(?:needs|torch_job)\(mem_mb=\d+, runtime=\d+", line)] == []


def test_what_fetches_and_short_writers_run_where_snakemake_runs():
    local = {name.rpartition("/")[2] for name, text in rules().items() if "localrule: True" in text}
    fetching = {name.rpartition("/")[2] for name in rules() if "/fetch_" in name}
    assert len(fetching) == 5
    assert fetching | {"write_settings", "build_table", "write_page"} <= local
    assert "train_network" not in local


def test_a_rule_with_retries_of_its_own_never_runs_in_an_allocation():
    retrying = {name: text for name, text in rules().items() if "retries:" in text}
    assert retrying
    assert [name for name, text in retrying.items() if "localrule: True" not in text] == []
