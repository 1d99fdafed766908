"""State which data tables need, which of them are there, under which licence, and how to get the rest."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from cirque.data import download
from cirque.errors import CirqueError
from cirque.plan import config as configuration
from cirque.plan import jobs, needed_data, presence, values
from cirque.plan.layers import merged_files

#: How each state looks.
STYLES = {
    "found": "green",
    "fetched": "blue",
    "generated": "blue",
    "missing": "red",
    "uncounted": "yellow",
    "not released": "red",
}


def main(
    action: Annotated[Literal["status"], tyro.conf.Positional],
    tables: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    *,
    configfile: tuple[Path, ...] = (Path("config/config.yaml"),),
    registry: Path = Path("config/datasets.tsv"),
    data_root: Path | None = None,
) -> None:
    """Print what is there: found, missing, or another file than the released one. Nothing is fetched or changed.

    Args:
        action: status.
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
    generated = jobs.data_source(config) != "fetch"
    console = Console(highlight=False)
    seen: dict[str, presence.Presence] = {}
    lacking: dict[str, None] = {}
    for need in needed_data.needs(config, list(tables) or jobs.tables(config)):
        looked = presence.look(need, root, known, generated)
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
