"""Write a page on some queries: reference, words, and the pictures that methods found, ground truths outlined."""

import difflib
from pathlib import Path
from typing import Annotated, Any

import tyro

from cirque.errors import CirqueError
from cirque.plan.paths import KINDS
from cirque.progress import say
from cirque.report import gallery, look
from cirque.store import files, schemas
from cirque.tables import runs


def main(
    *,
    benchmark: str,
    query_ids: Annotated[list[str], tyro.conf.arg(name="query")],
    methods: list[str],
    backbone: str | None = None,
    n_top: int = 10,
    scale: str | None = None,
    results: Path = Path("results"),
    output: Path = Path("look.html"),
) -> None:
    """Write the page; it needs no network. With photographs it holds licensed images: it is not to be passed on.

    Args:
        benchmark: as configured: cirr_val.
        query_ids: ids of the queries: 12063 12064.
        methods: as configured: searle lincir.
        backbone: as configured; by default the first that has all the methods.
        n_top: results of each method, 50 at most.
        scale: of the results: mini, paper; needed if there are several.
        results: folder of scale=….
        output: HTML file to write.
    """
    ranked = runs.of_benchmark(results, scale, benchmark)
    model, of_model = next(iter(runs.by_backbone(ranked, methods, backbone, benchmark).items()))
    folder = results / f"scale={ranked[0].keys['scale']}"
    config = files.read_json(folder / KINDS["settings"].path())
    asked = _queries(folder / KINDS["queries"].path(benchmark=benchmark), query_ids)
    answers = {method: _rows(of_model[method][0].path, query_ids) for method in methods}
    examples = [
        gallery.example_of(query, {method: answers[method][query["query_id"]] for method in methods}, n_top)
        for query in asked
    ]
    shown = {example.reference_id for example in examples}
    shown |= {name for example in examples for answer in example.answers.values() for name, _ in answer.top}
    about_benchmark = config["benchmarks"][benchmark]
    pictures = _pictures(folder, str(about_benchmark["image_set"]), shown)
    if "reference_set" in about_benchmark:
        own = _pictures(folder, str(about_benchmark["reference_set"]), {example.reference_id for example in examples})
        pictures |= {gallery.own_name(name): picture for name, picture in own.items()}
        examples = [gallery.of_own_pictures(example) for example in examples]
    labels = {method: str(config["methods"].get(method, {}).get("label", method)) for method in methods}
    about = f"{benchmark}, {model}, the best {n_top} of each method; a ground truth is outlined."
    files.write_text(output, look.render(f"{benchmark}: {', '.join(query_ids)}", about, examples, labels, pictures))
    say(f"{output}: {len(examples)} queries, {len(methods)} methods")


def _queries(path: Path, query_ids: list[str]) -> list[dict[str, Any]]:
    """Rows of the queries asked for, in that order."""
    rows = {row["query_id"]: row for row in files.read_table(path, gallery.OF_QUERIES).to_pylist()}
    for name in query_ids:
        if name not in rows:
            near = difflib.get_close_matches(name, rows, n=3, cutoff=0.0)
            raise CirqueError(f"{path}: no query is called {name!r}; nearly so: {', '.join(near)}")
    return [rows[name] for name in query_ids]


def _rows(path: Path, query_ids: list[str]) -> dict[str, dict[str, Any]]:
    wanted = set(query_ids)
    rows = files.read_table(path, gallery.OF_RANKINGS).to_pylist()
    found = {row["query_id"]: row for row in rows if row["query_id"] in wanted}
    missing = [name for name in query_ids if name not in found]
    if missing:
        raise CirqueError(f"{path}: ranks no query {', '.join(missing)}; make it anew with Snakemake")
    return found


def _pictures(folder: Path, image_set: str, names: set[str]) -> dict[str, bytes | None]:
    """Thumbnails, from the shards of the image set."""
    manifest = folder / KINDS["images"].path(image_set=image_set)
    rows = files.read_table(manifest, schemas.IMAGES.names).to_pylist()
    shards = {
        int(path.stem): path for path in folder.glob(KINDS["shards"].pattern.format(image_set=image_set, shard="*"))
    }
    return gallery.read_thumbnails(names, manifest, rows, shards)
