"""Write one self-contained HTML page over all tables, with galleries of queries and their results."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from cirque.errors import CirqueError, listed
from cirque.plan.paths import partitions
from cirque.progress import say
from cirque.report import figure, gallery, index
from cirque.store import files, provenance, schemas


def main(
    *,
    tables: list[Path],
    settings: Path,
    output: Path,
    queries: list[Path] | None = None,
    rankings: list[Path] | None = None,
    images: list[Path] | None = None,
    shards: list[Path] | None = None,
    plots: list[Path] | None = None,
    pictures: Literal["thumbnails", "none"] = "thumbnails",
    n_each: int = 6,
) -> None:
    """Write the page.

    A benchmark has a gallery if two methods or more, bounds aside, were ranked on one of its backbones and its answers
    are known; the configuration's first such backbone and the lowest seed are shown. A page with photographs holds
    thumbnails of licensed images: it is for your own eyes and not to be passed on.

    Args:
        tables: table_cirr.parquet and others.
        settings: settings.json of the same configuration.
        output: index.html; needs no network.
        queries: queries.parquet of each benchmark with rankings (their paths hold benchmark=…).
        rankings: rankings.parquet of runs (their paths hold benchmark=…, backbone=…, method=…, seed=…).
        images: images.parquet of the image sets (their paths hold image_set=…).
        shards: tars of these image sets, those at least that hold a picture to show.
        plots: plot_NAME.svg of each plot.
        pictures: whether pictures are shown, as thumbnails, or their names only.
        n_each: largest wins of each method of a pair; the page's size follows from it.
    """
    if n_each < 1:
        raise CirqueError(f"--n-each {n_each}: must be at least 1; to do without galleries, give no --rankings")
    of_tables = {path: files.read_table(path, schemas.TABLE.names).to_pylist() for path in tables}
    empty = [path for path, rows in of_tables.items() if not rows]
    if empty or not tables:
        which = f"{listed(empty)}: holds no figure" if empty else "--tables names no table"
        raise CirqueError(f"{which}; is there a run in its configuration?")
    about = files.read_json(settings)
    galleries = _galleries(queries or [], rankings or [], about, n_each)
    album: dict[tuple[str, str], bytes | None] = {}
    if pictures == "thumbnails":
        album = _album(galleries, images or [], shards or [], about)
    shown = [index.Shown(one, _of_set(album, _image_set(one.benchmark, about))) for one in galleries]
    for part in index.PARTS:
        provenance.read(part)
    html = index.render(of_tables, shown, about, output, _drawings(plots or []))
    files.write_text(output, html)
    say(
        f"{len(of_tables)} tables, {len(galleries)} galleries, {len(album):,} pictures: "
        f"{len(html.encode()) / 1e6:,.1f} MB"
    )


def _drawings(plots: Sequence[Path]) -> dict[Path, str]:
    """The drawing of each plot.

    Raises:
        CirqueError: a file is missing or no drawing of the stage plot.
    """
    found = {}
    for path in plots:
        provenance.read(path)
        if not path.is_file():
            raise CirqueError(f"{path}: no such file; ask Snakemake for it (snakemake -c8 {path})")
        found[path] = path.read_text(encoding="utf-8")
        if not figure.title_of(found[path]):
            raise CirqueError(f"{path}: has no title, so it is no drawing of the stage plot; make it anew")
    return found


def _partition(path: Path, *keys: str) -> tuple[str, ...]:
    """Values that the folders of a path give to some keys."""
    found = partitions(path)
    missing = [key for key in keys if key not in found]
    if missing:
        raise CirqueError(f"{path}: no folder of it is called {missing[0]}=…; give the workflow's own paths")
    return tuple(found[key] for key in keys)


# ---- queries -------------------------------------------------------------------------------------------------------


def _galleries(
    queries: Sequence[Path], rankings: Sequence[Path], settings: Mapping[str, Any], n_each: int
) -> list[gallery.Gallery]:
    """The gallery of each benchmark that has two methods and answers, in the configuration's order."""
    of_benchmark = {_partition(path, "benchmark")[0]: path for path in queries}
    found = []
    for benchmark, of_backbones in _runs(rankings, settings).items():
        chosen = next(((name, runs) for name, runs in of_backbones.items() if len(runs) > 1), None)
        if chosen is None:
            continue
        if benchmark not in of_benchmark:
            raise CirqueError(
                f"--queries: has none of {benchmark}, of which there are rankings; add its queries.parquet"
            )
        backbone, runs = chosen
        table = files.read_table(of_benchmark[benchmark], gallery.OF_QUERIES)
        of_methods = {method: files.read_table(path, gallery.OF_RANKINGS) for method, path in runs.items()}
        one = gallery.choose(benchmark, backbone, table, of_methods, n_each)
        found += [] if one is None else [one]
    return found


def _runs(rankings: Sequence[Path], settings: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Path]]]:
    """Rankings of the lowest seed: benchmark → backbone → method, each in the configuration's order, without bounds."""
    seeds: dict[tuple[str, str, str], dict[int, Path]] = {}
    for path in rankings:
        benchmark, backbone, method, seed = _partition(path, "benchmark", "backbone", "method", "seed")
        for section, name in (("benchmarks", benchmark), ("backbones", backbone), ("methods", method)):
            if name not in settings[section]:
                raise CirqueError(f"{path}: {name!r} is not among the {section} of the settings; make them anew")
        if not settings["methods"][method].get("bound"):
            seeds.setdefault((benchmark, backbone, method), {})[int(seed)] = path
    return {
        benchmark: {
            backbone: {
                method: of_seed[min(of_seed)]
                for method in settings["methods"]
                if (of_seed := seeds.get((benchmark, backbone, method)))
            }
            for backbone in settings["backbones"]
        }
        for benchmark in settings["benchmarks"]
    }


# ---- pictures ------------------------------------------------------------------------------------------------------


def _image_set(benchmark: str, settings: Mapping[str, Any]) -> str:
    return str(settings["benchmarks"][benchmark]["image_set"])


def _album(
    galleries: Sequence[gallery.Gallery], images: Sequence[Path], shards: Sequence[Path], settings: Mapping[str, Any]
) -> dict[tuple[str, str], bytes | None]:
    """Thumbnail of every image that a gallery shows, by image set and image; each shard is read once."""
    manifests = {_partition(path, "image_set")[0]: path for path in images}
    wanted: dict[str, set[str]] = {}
    for one in galleries:
        wanted.setdefault(_image_set(one.benchmark, settings), set()).update(one.image_ids)
    album: dict[tuple[str, str], bytes | None] = {}
    for image_set, names in wanted.items():
        if image_set not in manifests:
            raise CirqueError(
                f"--images: has none of image set {image_set}, whose pictures are to be shown; add its images.parquet, "
                "or ask for --pictures none"
            )
        of_shard = {int(path.stem): path for path in shards if _partition(path, "image_set")[0] == image_set}
        rows = files.read_table(manifests[image_set], schemas.IMAGES.names).to_pylist()
        found = gallery.read_thumbnails(names, manifests[image_set], rows, of_shard)
        album |= {(image_set, name): picture for name, picture in found.items()}
    return album


def _of_set(album: Mapping[tuple[str, str], bytes | None], image_set: str) -> dict[str, bytes | None]:
    """Pictures of one image set, by image."""
    return {name: picture for (of_set, name), picture in album.items() if of_set == image_set}
