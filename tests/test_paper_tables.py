"""Every table of workflow/tables: it runs on both configurations, and together they hold each published figure once."""

from collections import Counter

import pytest
import yaml

from cirque import plan, schemas, tables
from tests.evaluation import NOT_RUN, PUBLISHED, REPOSITORY

CONFIGURATIONS = ("config", "paper")

#: Papers whose tables are not among these: supervised training is another matter.
ELSEWHERE = {"TIRG"}

KEY = ("paper", "table", "row", "backbone", "dataset", "split", "subset", "metric")


def configuration(name):
    return yaml.safe_load((REPOSITORY / f"config/{name}.yaml").read_text())


def build(config, table):
    """A table over runs of which none is there yet."""
    sql = (REPOSITORY / f"workflow/tables/table_{table}.sql").read_text()
    published = tables.read_published(PUBLISHED, NOT_RUN)
    return tables.build(table, sql, schemas.METRICS.empty_table(), published, plan.table_settings(config)).to_pylist()


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_published_figure_stands_in_exactly_one_table(name):
    config = configuration(name)
    # A backbone's second stand-in would show a figure a second time.
    found = Counter(
        tuple(row[key] for key in KEY) for table in plan.tables(config) for row in build(config, table) if row["paper"]
    )
    expected = {
        tuple(row[key] for key in KEY)
        for row in tables.read_published(PUBLISHED).to_pylist()
        if row["paper"] not in ELSEWHERE
    }
    assert set(found) == expected
    assert {key: count for key, count in found.items() if count > 1} == {}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_was_not_measured_has_a_verdict_and_a_reason(name):
    config = configuration(name)
    for table in plan.tables(config):
        rows = build(config, table)
        assert rows or table == "protocols"  # which prints nothing of a paper
        assert {row["verdict"] for row in rows} <= {"cannot run here"}
        assert all(row["reason"] and row["measured"] is None for row in rows)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_rows_that_are_left_out_on_purpose_say_why(name):
    blip = [row for row in build(configuration(name), "pic2word_blip") if row["row"].startswith("BLIP")]
    assert len(blip) == 12
    assert all("its checkpoint, resolution and head are not stated" in row["reason"] for row in blip)
    quoted = [row for row in build(configuration(name), "fashioniq") if "supervised" in row["row"]]
    assert quoted
    assert {row["reason"].split(",")[0] for row in quoted} == {"quoted by the paper: a supervised method"}


def test_every_query_of_the_folder_is_a_table_of_both_configurations():
    files = {path.stem.removeprefix("table_") for path in (REPOSITORY / "workflow/tables").glob("table_*.sql")}
    for name in CONFIGURATIONS:
        assert set(plan.tables(configuration(name))) == files
