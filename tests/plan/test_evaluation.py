"""Which runs one job evaluates: those that share a benchmark and a backbone and that the same tables list."""

import itertools
import re

import pytest

from cirque.families import METHODS
from cirque.plan import composers, evaluation
from cirque.plan import jobs as plan
from cirque.plan.paths import KINDS
from tests import members
from tests.plan.test_jobs import MINI, PAPER

CONFIGS = pytest.mark.parametrize("config", [MINI, PAPER], ids=["mini", "paper"])


def runs_of(config, table):
    return {tuple(run.values()) for run in plan.runs(config, table)}


@CONFIGS
def test_each_run_of_a_table_is_in_exactly_one_group(config):
    groups = [*evaluation.groups(config), *composers.groups(config)]
    grouped = [tuple(run.values()) for group in groups for run in group.runs]
    listed = set().union(*(runs_of(config, table) for table in plan.tables(config)))
    assert len(set(grouped)) == len(grouped)
    assert set(grouped) == listed


@CONFIGS
def test_a_table_asks_for_no_run_that_it_does_not_list(config):
    for table, group in itertools.product(plan.tables(config), evaluation.groups(config)):
        of_group = {tuple(run.values()) for run in group.runs}
        listed = runs_of(config, table)
        assert of_group <= listed or not of_group & listed, (table, group.name)


@CONFIGS
def test_groups_have_names_of_their_own(config):
    names = [group.name for group in evaluation.groups(config)]
    assert len(set(names)) == len(names)


@CONFIGS
def test_every_method_names_what_its_module_reads(config):
    assert evaluation.faults(config) == []


@pytest.mark.parametrize("method", ["searle", "searle-oti", "captioning"])
def test_the_advice_for_a_method_without_what_it_reads_is_what_mends_it(method):
    """The cure that the message gives, put into the configuration, is accepted."""
    entry = {key: value for key, value in MINI["methods"][method].items() if key != "needs"}
    config = {**MINI, "methods": {**MINI["methods"], method: entry}}
    (fault,) = evaluation.faults(config)
    need, name = fault.partition("needs: {")[2].rstrip("}`").split(": ")
    assert name == "NAME"
    section = {"tokens": "inversions", "phi": "networks", "captions": "captioners"}[need]
    mended = {**entry, "needs": {need: next(iter(MINI[section]))}}
    assert evaluation.faults({**MINI, "methods": {**MINI["methods"], method: mended}}) == []


def test_a_run_reads_its_own_network_and_the_parts_of_its_benchmark():
    run = {"benchmark": "circo_val", "backbone": "ViT-L-14", "method": "searle-oti", "seed": "42"}
    (tokens,) = evaluation.inputs(PAPER, run).values()
    assert all("/inversion=oti/image_set=circo/" in file for file in tokens)
    files = evaluation.files(PAPER, evaluation.alone(PAPER, run))
    assert files == tokens
    assert len(files) == len(plan.image_parts(PAPER, "circo"))


def test_an_upper_bound_has_no_files_for_a_test_server():
    found = evaluation.constraints_alone(MINI, "cirr")
    assert "upper-bound" in MINI["methods"]
    composed = {name for name in MINI["methods"] if plan.is_composed(MINI, name)}
    assert set(found["method"].split("|")) == set(MINI["methods"]) - composed - {"upper-bound"}


@CONFIGS
@pytest.mark.parametrize("server", ["", "cirr", "circo"])
def test_a_run_that_a_group_holds_is_not_planned_a_second_time(config, server):
    constraints = evaluation.constraints_alone(config, server)
    path = KINDS["rankings"].pattern
    for name in ("benchmark", "method"):
        path = path.replace(f"{{{name}}}", f"(?:{constraints.get(name, '[^/]+')})")
    alone = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
    listed = [run for group in evaluation.groups(config) for run in group.runs]
    assert not [run for run in listed if alone.fullmatch(KINDS["rankings"].path(**run))]
    of_server = [run for run in listed if not server or plan.server(config, run["benchmark"]) == server]
    others = [{**run, "seed": f"{run['seed']}1"} for run in of_server if run["method"] != "upper-bound"]
    assert others
    assert all(alone.fullmatch(KINDS["rankings"].path(**run)) for run in others)


def test_what_methods_read_is_what_is_provided():
    from cirque.methods.provider import READERS  # noqa: PLC0415

    read = {name for method in METHODS.names() for name in METHODS.parameters(method)}
    assert read <= set(evaluation.READS)
    assert set(READERS) == set(evaluation.READS)


def with_toy(monkeypatch, folder, parameter):
    """The mini configuration with one more method, which reads one thing."""
    members.add(monkeypatch, folder, METHODS, "toy", f"def compose({parameter}):\n    return {parameter}\n")
    return {**MINI, "methods": {**MINI["methods"], "toy": {"label": "Toy"}}}


def test_a_method_that_reads_what_nothing_provides_is_refused_by_name(monkeypatch, tmp_path):
    (fault,) = evaluation.faults(with_toy(monkeypatch, tmp_path, "the_moon"))
    assert fault.startswith("methods.toy: toy reads the_moon, which nothing provides; there are queries, ")


def test_a_method_that_reads_pixels_makes_its_job_read_the_shards(monkeypatch, tmp_path):
    config = with_toy(monkeypatch, tmp_path, "reference_pixels")
    run = {"benchmark": "cirr_val", "backbone": "mini-B-16", "method": "toy", "seed": "0"}
    files = evaluation.files(config, evaluation.alone(config, run))
    shards = [f"<scale>/shards/image_set=cirr_val/{shard}.tar" for shard in plan.shards(config, "cirr_val")]
    assert files == ["<scale>/images/image_set=cirr_val/images.parquet", *shards]


# ---- rankings that others computed -----------------------------------------------------------------------------------

OTHERS = {"label": "Mine", "source": "scored", "backbone": "mini-B-16", "rankings": {"cirr_val": "my runs/a.trec"}}


@pytest.fixture
def with_others():
    return {**MINI, "methods": {**MINI["methods"], "mine": OTHERS}}


def test_one_entry_puts_what_others_computed_into_every_table_of_its_benchmark(with_others):
    of_mine = {
        table: [run for run in plan.runs(with_others, table) if run["method"] == "mine"]
        for table in plan.tables(with_others)
    }
    run = {"benchmark": "cirr_val", "backbone": "mini-B-16", "method": "mine", "seed": "0"}
    assert {table: runs for table, runs in of_mine.items() if runs} == {"cirr": [run]}
    assert plan.scored(with_others) == [{**run, "file": "my runs/a.trec"}]
    assert run in plan.query_runs(with_others)["cirr_val"]


def test_no_job_composes_what_others_computed(with_others):
    assert evaluation.groups(with_others) == evaluation.groups(MINI)
    assert not re.fullmatch(evaluation.constraints_alone(with_others, "")["method"], "mine")
    assert evaluation.faults(with_others) == []
    assert not [run for run in plan.submissions(with_others, "cirr") if run["method"] == "mine"]
