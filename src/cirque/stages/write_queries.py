"""Write the page of a benchmark's queries: the largest wins and losses between its methods, with pictures."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from cirque.errors import CirqueError
from cirque.plan.paths import partitions
from cirque.progress import say
from cirque.report import gallery
from cirque.report import queries as page
from cirque.store import files, provenance, schemas


def main(
    *,
    queries: Path,
    rankings: list[Path],
    settings: Path,
    output: Path,
    images: Path | None = None,
    shards: list[Path] | None = None,
    reference_images: Path | None = None,
    reference_shards: list[Path] | None = None,
    pictures: Literal["thumbnails", "none"] = "thumbnails",
    n_each: int = 6,
) -> None:
    """Write the page.

    A page with photographs holds thumbnails of licensed images: it is for your own eyes and not to be passed on.

    Args:
        queries: queries.parquet of a benchmark whose answers are known.
        rankings: rankings.parquet of two methods or more on it, of one backbone and seed (their paths hold benchmark=…,
            backbone=…, method=…).
        settings: settings.json of the same configuration.
        output: queries_cirr_val.html; needs no network.
        images: images.parquet of the benchmark's image set.
        shards: tars of that image set, those at least that hold a picture to show.
        reference_images: images.parquet of the references, where they are pictures of another kind.
        reference_shards: tars of that image set.
        pictures: whether pictures are shown, as thumbnails, or their names only.
        n_each: largest wins of each method of a pair; the page's size follows from it.
    """
    if n_each < 1:
        raise CirqueError(f"--n-each {n_each}: must be at least 1")
    about = files.read_json(settings)
    chosen = _gallery(queries, rankings, about, n_each)
    album: dict[str, bytes | None] = {}
    if pictures == "thumbnails":
        if images is None:
            raise CirqueError("--images: is needed for pictures; add images.parquet, or ask for --pictures none")
        album = _thumbnails(chosen.image_ids, images, shards)
        if reference_images is not None:
            own = _thumbnails({e.reference_id for e in chosen.examples}, reference_images, reference_shards)
            album |= {gallery.own_name(name): picture for name, picture in own.items()}
            chosen = replace(chosen, examples=[gallery.of_own_pictures(example) for example in chosen.examples])
    for part in page.PARTS:
        provenance.read(part)
    html = page.render(chosen, album, about)
    files.write_text(output, html)
    size = len(html.encode()) / 1e6
    say(f"{chosen.benchmark}: {len(chosen.examples)} queries, {len(album):,} pictures, {size:.1f} MB")


def _thumbnails(names: set[str], images: Path, shards: list[Path] | None) -> dict[str, bytes | None]:
    """Pictures of an image set by their ids."""
    rows = files.read_table(images, schemas.IMAGES.names).to_pylist()
    return gallery.read_thumbnails(names, images, rows, {int(path.stem): path for path in shards or []})


def _gallery(queries: Path, rankings: list[Path], settings: Mapping[str, Any], n_each: int) -> gallery.Gallery:
    """The gallery of a benchmark, its methods in the configuration's order.

    Raises:
        CirqueError: the rankings are of several benchmarks, backbones or seeds, of a method that the settings have not,
            or of fewer than two methods; or no answer is known.
    """
    of_methods: dict[str, Path] = {}
    wholes = set()
    for path in rankings:
        benchmark, backbone, method, seed = _partition(path, "benchmark", "backbone", "method", "seed")
        for section, name in (("benchmarks", benchmark), ("backbones", backbone), ("methods", method)):
            if name not in settings[section]:
                raise CirqueError(f"{path}: {name!r} is not among the {section} of the settings; make them anew")
        of_methods[method] = path
        wholes.add((benchmark, backbone, seed))
    if len(wholes) != 1 or len(of_methods) < 2:
        raise CirqueError(
            f"--rankings: are of {len(of_methods)} methods on {len(wholes)} benchmarks, backbones or seeds; give those"
            " of two methods or more on one of each"
        )
    ((benchmark, backbone, _),) = wholes
    if _partition(queries, "benchmark") != (benchmark,):
        raise CirqueError(f"{queries}: not of {benchmark}, as the rankings are; give its queries.parquet")
    tables = {
        method: files.read_table(of_methods[method], gallery.OF_RANKINGS)
        for method in settings["methods"]
        if method in of_methods
    }
    found = gallery.choose(benchmark, backbone, files.read_table(queries, gallery.OF_QUERIES), tables, n_each)
    if found is None:
        raise CirqueError(f"{queries}: no answer of its queries is known, so no method wins; leave its page out")
    return found


def _partition(path: Path, *keys: str) -> tuple[str, ...]:
    """Values that the folders of a path give to some keys."""
    found = partitions(path)
    missing = [key for key in keys if key not in found]
    if missing:
        raise CirqueError(f"{path}: no folder of it is called {missing[0]}=…; give the workflow's own paths")
    return tuple(found[key] for key in keys)
