"""State which data tables need, which of them are there and how to get the rest; unpack archives of images.

python -m cirque data status cirr --configfile config/paper.yaml
python -m cirque data unpack val2017.zip --into data/paper/coco
"""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from cirque import datasets
from cirque.data import archives, download, image_lists
from cirque.errors import CirqueError
from cirque.plan import config as configuration
from cirque.plan import jobs, needed_data, presence, sources, unpacking, values
from cirque.plan.layers import merged_files
from cirque.progress import say

#: How each state looks.
STYLES = {
    "found": "green",
    "fetched": "blue",
    "generated": "blue",
    "unpacked": "blue",
    "missing": "red",
    "uncounted": "yellow",
    "not released": "red",
}


def status(
    tables: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    *,
    configfile: tuple[Path, ...] = (Path("config/config.yaml"),),
    registry: Path = Path("config/datasets.tsv"),
    data_root: Path | None = None,
) -> None:
    """Print what is there: found, missing, or another file than the released one. Nothing is fetched or changed.

    Args:
        tables: names such as cirr; by default all.
        configfile: as Snakemake's --configfile, the later over the earlier.
        registry: of the data sets.
        data_root: in place of the configuration's.

    Raises:
        CirqueError: a table's data are not all there, after the list was printed; or the configuration is refused.
    """
    folder = registry.parent
    config = values.expanded(merged_files(configfile, folder / "papers.yaml"))
    configuration.check(config, folder / "config.schema.yaml")
    unknown = [name for name in tables if name not in config["tables"]]
    if unknown:
        raise CirqueError(f"data: no table is called {', '.join(unknown)}; there are {', '.join(config['tables'])}")
    root = data_root or Path(config["data_root"])
    known = download.read_registry(registry)
    generated = sources.data_source(config) != "fetch"
    console = Console(highlight=False)
    unpacked = {} if generated else unpacking.allowed(config, registry)
    seen: dict[str, presence.Presence] = {}
    lacking: dict[str, None] = {}
    for need in needed_data.needs(config, list(tables) or jobs.tables(config)):
        looked = presence.look(need, root, known, generated, unpacked)
        if any(one.path not in seen for one in looked):
            console.print(f"[bold]{escape(need.name)}[/] [dim]for {', '.join(need.tables)}[/]", soft_wrap=True)
        for one in looked:
            if one.path not in seen:
                _print(one, console)
            seen[one.path] = one
            if one.state in {"missing", "not released"}:
                lacking.update(dict.fromkeys(need.tables))
    to_fetch = sum(one.n_bytes for one in seen.values())
    console.print(f"\nbelow {root}; {to_fetch / 1e6:,.1f} MB come by themselves")
    if lacking:
        raise CirqueError(f"tables that cannot be made whole yet: {', '.join(lacking)}")


def _print(one: presence.Presence, console: Console) -> None:
    """A file or folder with its state, and below it the reason and what helps."""
    licence = f" [dim]({escape(one.licence)})[/]" if one.licence else ""
    console.print(f"  [{STYLES[one.state]}]{one.state:<12}[/] {escape(one.path)}{licence}", soft_wrap=True)
    if one.detail and (one.state in {"missing", "not released"} or one.state == "uncounted"):
        console.print(Padding(escape(one.detail), (0, 0, 0, 15)))


def unpack(
    archive: Annotated[Path, tyro.conf.Positional],
    *,
    into: Path,
    strip: int = 0,
    only: str = "",
    max_gb: float = archives.MAX_GB,
    replace: bool = False,
) -> None:
    """Unpack a zip or tar (plain, gz, xz) of images, so that it can do no harm; run again, it goes on where it ended.

    Args:
        archive: the file that you downloaded.
        into: folder below the data root, as docs/data.md says for each data set.
        strip: how many folders to leave out at the beginning of each path.
        only: a folder or file of the archive, by its path in it; the others are left out.
        max_gb: what all files together may have unpacked.
        replace: let files that are there give way to other ones of the archive.

    Raises:
        CirqueError: the archive is not whole, leads out of the folder, is too large, or would replace a file.
    """
    if strip < 0 or not max_gb > 0:
        raise CirqueError("data unpack: --strip must be 0 or more, and --max-gb more than 0")
    most = int(min(max_gb, 1e9) * 1e9)
    done = archives.unpack(archive, into, max_bytes=most, strip=strip, only=only, replace=replace)
    others = f", {done.n_there:,} were there already" if done.n_there else ""
    others += f", {done.n_left_out:,} of macOS's own left out" if done.n_left_out else ""
    say(f"{into}: {done.n_written:,} files, {done.n_bytes / 1e6:,.1f} MB of {archive.name}{others}")


def list_tars(
    dataset: Annotated[Literal["cc3m", "cc12m"], tyro.conf.Positional],
    *,
    data_root: Path,
    split: str = "train",
    replace: bool = False,
) -> None:
    """List the images that lie in tars, as img2dataset's webdatasets hold them: they are read without unpacking.

    Args:
        dataset: whose tars lie in its folder of images, cc3m/cc_data/train.
        data_root: folder of the data sets.
        split: of the data set.
        replace: let a list that is there give way.

    Raises:
        CirqueError: there is no tar, one is cut short or altered, or a list is there already.
    """
    source = datasets.load(dataset)
    (folder,) = source.image_folders(split)
    output = data_root / source.annotation_files(split)["split"]
    if output.exists() and not replace:
        raise CirqueError(f"{output}: is there already and stays as it is; give it another name, or say --replace")
    n_images = image_lists.write_of_tars(output, folder, data_root, f"docs/data.md#{dataset}")
    say(f"{output}: {n_images:,} images; set n_images of the image set {dataset} to {n_images}")


#: What stands after `data`, and the function of each.
main = {"status": status, "unpack": unpack, "list-tars": list_tars}
