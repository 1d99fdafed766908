"""The database: a view over each kind of file, before and after there are any, and questions that people ask."""

import os
import re
import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cirque.evaluation.metrics import per_query
from cirque.plan import evaluation
from cirque.store import schemas
from cirque.tables import build as tables
from cirque.tables import database
from tests.evaluated import PUBLISHED, REPOSITORY, inside

EXAMPLES = {
    "the table, ours beside the papers'": """
        SELECT split, backbone, "row", round(measured, 2) AS measured, published, verdict
        FROM tables WHERE scale = 'mini' AND metric = 'R@10' AND measured IS NOT NULL
        ORDER BY split, backbone, measured DESC""",
    "R@K for any K": """
        SELECT backbone, method, round(100 * avg(recall_at(target_ranks, 20)), 2) AS "R@20"
        FROM rankings WHERE scale = 'mini' AND benchmark = 'cirr_val'
        GROUP BY ALL ORDER BY backbone, "R@20" DESC""",
    "queries that SEARLE answers and image-only does not": """
        SELECT query_id, captions[1] AS caption, won.target_ranks[1] AS searle, lost.target_ranks[1] AS image_only
        FROM rankings AS won
        JOIN rankings AS lost USING (scale, benchmark, backbone, query_id)
        JOIN queries USING (scale, benchmark, query_id)
        WHERE scale = 'mini' AND benchmark = 'cirr_val' AND won.method = 'searle' AND lost.method = 'image-only'
          AND won.target_ranks[1] <= 10 AND lost.target_ranks[1] > 10
        ORDER BY image_only DESC, query_id LIMIT 10""",
    "mean by kind of query": """
        SELECT tag, method, count(*) AS queries, round(100 * avg(recall_at(target_ranks, 10)), 2) AS "R@10"
        FROM rankings, unnest(tags) AS kinds(tag) WHERE scale = 'mini' AND benchmark = 'cirr_val'
        GROUP BY ALL ORDER BY tag, "R@10" DESC""",
    "images that come first for many queries": """
        SELECT method, top_ids[1] AS image_id, count(*) AS first_for
        FROM rankings WHERE scale = 'mini' AND benchmark = 'cirr_val'
        GROUP BY ALL ORDER BY first_for DESC, method, image_id LIMIT 10""",
}


@pytest.fixture
def connection(evaluated):
    with inside(evaluated), duckdb.connect("results/cirque.duckdb", read_only=True) as opened:
        yield opened


@pytest.mark.parametrize("question", EXAMPLES)
def test_it_answers(connection, question):
    assert connection.execute(EXAMPLES[question]).fetchall()


def test_searle_wins_queries_that_image_only_loses(connection):
    for _, caption, searle, image_only in connection.execute(
        EXAMPLES["queries that SEARLE answers and image-only does not"]
    ).fetchall():
        assert caption.startswith("is number")
        assert searle <= 10 < image_only


def test_its_macros_are_the_tables_metrics(connection):
    rankings = connection.sql(
        "SELECT * FROM rankings WHERE method = 'searle' AND benchmark = 'cirr_val'"
    ).to_arrow_table()
    (by_macro,) = connection.execute(
        "SELECT 100 * avg(subset_recall_at(subset_rank, 1)) FROM rankings"
        " WHERE method = 'searle' AND benchmark = 'cirr_val'"
    ).fetchone()
    (by_stage,) = connection.execute(
        "SELECT value FROM metrics WHERE method = 'searle' AND benchmark = 'cirr_val' AND metric = 'R_subset@1'"
    ).fetchone()
    assert by_macro == pytest.approx(by_stage) == pytest.approx(per_query(rankings, ["R_subset@1"]).mean())


def test_partitions_are_columns_and_seeds_are_numbers(connection):
    keys = connection.execute("SELECT DISTINCT scale, backbone, seed FROM query_features").fetchall()
    assert keys == [("mini", "tiny", 0)]


def test_every_view_opens_before_there_is_any_result(tmp_path):
    with inside(tmp_path):
        database.write_placeholders(Path("results"))
        database.create(Path("results/cirque.duckdb"), Path("results"), tables.read_published(PUBLISHED))
        with duckdb.connect("results/cirque.duckdb", read_only=True) as opened:
            for name, view in database.VIEWS.items():
                columns = {column[0] for column in opened.execute(f"SELECT * FROM {name}").description}
                assert columns == {*view.schema.names, *view.keys}
                assert opened.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,)


@pytest.mark.parametrize("name", database.VIEWS)
def test_a_view_shows_the_file_that_lies_where_the_grammar_says(name, tmp_path):
    view = database.VIEWS[name]
    values = {key: 7 if "seed" in key else f"some-{key}" for key in view.kind.wildcards}
    path = tmp_path / "results/scale=mini" / view.kind.path(**values)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([dict.fromkeys(view.schema.names)], schema=view.schema), path)
    with inside(tmp_path):
        database.write_placeholders(Path("results"))
        database.create(Path("results/cirque.duckdb"), Path("results"), tables.read_published(PUBLISHED))
        with duckdb.connect("results/cirque.duckdb", read_only=True) as opened:
            (row,) = opened.execute(f"SELECT {', '.join(view.keys)} FROM {name}").fetchall()
    assert dict(zip(view.keys, row, strict=True)) == {"scale": "mini"} | {key: values[key] for key in view.kind.keys}


@pytest.fixture
def given_away(evaluated, tmp_path):
    """`results` alone, in a folder of another name."""
    moved = tmp_path / "of o'brien" / "given results"
    shutil.copytree(evaluated / "results", moved)
    for ranked in (moved / "scale=mini/rankings").rglob("method=image-only"):
        shutil.rmtree(ranked)
    return moved


@pytest.mark.parametrize("folder", [".", "..", "/"])
def test_it_opens_from_any_folder_and_wherever_it_was_moved(folder, given_away):
    with inside(given_away / folder):
        for path in {given_away / "cirque.duckdb", Path(os.path.relpath(given_away / "cirque.duckdb"))}:
            with duckdb.connect(path, read_only=True) as opened:
                methods = {method for (method,) in opened.execute("SELECT DISTINCT method FROM rankings").fetchall()}
            assert "searle" in methods
            assert "image-only" not in methods


def test_attached_to_another_database_it_asks_for_its_folder(given_away):
    with duckdb.connect() as opened:
        opened.execute(f"ATTACH '{str(given_away / 'cirque.duckdb').replace(chr(39), 2 * chr(39))}' (READ_ONLY)")
        opened.execute("SET VARIABLE results = ?", [str(given_away)])
        assert opened.execute("SELECT count(*) FROM cirque.rankings").fetchone()[0] > 0


def test_every_view_is_of_files_that_a_rule_writes():
    written = "".join(path.read_text() for path in (REPOSITORY / "workflow/rules").glob("*.smk"))
    outputs = {*re.findall(r"=FILE\.(\w+)", written), *evaluation.KINDS_OF_OUTPUTS}
    assert set(database.VIEWS) <= outputs


def test_the_papers_numbers_are_in_it(connection):
    assert connection.execute("SELECT count(*) FROM published").fetchone() == (1100,)
    columns = [column[0] for column in connection.execute("SELECT * FROM published").description]
    assert columns == schemas.PUBLISHED.names


def test_features_of_several_widths_stand_in_one_view(connection, evaluated):
    """The backbones of one scale have their own dimensions."""
    assert connection.execute("SELECT DISTINCT len(feature) FROM features").fetchall() == [(8,)]
    kind = connection.execute("SELECT typeof(feature) FROM features LIMIT 1").fetchone()
    assert kind == ("FLOAT[]",)
