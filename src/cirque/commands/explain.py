"""Trace a figure of a table to its inputs, configuration, code, seeds and machine."""

import sys
from collections.abc import Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console, Group
from rich.text import Text
from rich.tree import Tree

from cirque.errors import CirqueError, listed
from cirque.plan.paths import partitions
from cirque.report import layout
from cirque.store import files, lineage, provenance, schemas
from cirque.store.lineage import Node

#: More files than this that no stage made, of one folder, are listed in one line.
_MOST_LEAVES = 4

#: A path stays in one piece where nothing wraps lines.
_WIDTH_OF_A_PIPE = 240


def main(
    table: Annotated[Path, tyro.conf.Positional],
    *,
    backbone: str | None = None,
    method: str | None = None,
    metric: str | None = None,
    split: str | None = None,
    benchmark: str | None = None,
    subset: str | None = None,
    json: bool = False,
) -> None:
    """Print where a figure came from: every file with its checksum and whether it is still the same, every run.

    Args:
        table: results/table_cirr.parquet.
        backbone: as configured (mini-B-16) or as the paper prints it (ViT-B/32).
        method: as configured (searle) or as the paper prints it (SEARLE-XL).
        metric: R@10.
        split: val.
        benchmark: as configured (fashioniq_val), where a split has several protocols.
        subset: Dress, where the queries are of several groups.
        json: print JSON for a machine instead.
    """
    rows = files.read_table(table, schemas.TABLE.names).to_pylist()
    wanted = {
        "backbone": backbone,
        "method": method,
        "metric": metric,
        "split": split,
        "benchmark": benchmark,
        "subset": subset,
    }
    cell = _select(rows, wanted, table)
    node = lineage.trace(_original(table), lambda path: _concerns(path, cell[0]))
    if json:
        print(dumps({"cell": cell, "trace": node.as_json()}, indent=2, ensure_ascii=False))
        return
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH_OF_A_PIPE)
    console.print(_figure(cell))
    console.print(_tree(node))
    console.print(_runs(node))


#: What names a figure: the option, and the column that it chooses by.
_KEYS = {
    "split": "split",
    "benchmark": "benchmark",
    "subset": "subset",
    "backbone": "model",
    "method": "method",
    "metric": "metric",
}


def _names(row: Mapping[str, Any]) -> dict[str, set[str]]:
    """By what words a row can be asked for."""
    return {
        "backbone": {row["backbone"], row["model"] or ""},
        "method": {row["method"], row["row"]},
        "metric": {row["metric"]},
        "split": {row["split"]},
        "benchmark": {row["benchmark"]},
        "subset": {row["subset"]},
    }


def _value(row: Mapping[str, Any], column: str) -> str:
    """What a figure is chosen by: a fact has no method, but may have a name in print; some are of no backbone."""
    return str((row["method"] or row["row"] if column == "method" else row[column]) or "")


def _select(rows: Sequence[dict[str, Any]], wanted: Mapping[str, str | None], table: Path) -> list[dict[str, Any]]:
    """The rows of the one measured figure asked for; it stands in several if several papers print it.

    Raises:
        CirqueError: there is none or more than one; lists what there is.
    """
    fitting = [row for row in rows if all(word is None or word in _names(row)[key] for key, word in wanted.items())]
    measured = [row for row in fitting if row["measured"] is not None]
    figures = {tuple(_value(row, column) for column in _KEYS.values()) for row in measured}
    if len(figures) == 1:
        return measured
    if fitting and not measured:
        row = fitting[0]
        raise CirqueError(f"{row['row']} on {row['backbone']}, {row['split']}: {row['verdict']}: {row['reason']}")
    there = [row for row in (measured or rows) if row["measured"] is not None]
    options = [
        f"  --{flag} {' | '.join(values)}"
        for flag, column in _KEYS.items()
        if len(values := list(dict.fromkeys(_value(row, column) for row in there))) > 1 or not measured
    ]
    problem = f"{len(figures)} measured figures fit; choose" if measured else "no figure fits; there are"
    raise CirqueError(f"{table}: {problem}\n" + "\n".join(options))


def _original(table: Path) -> Path:
    """The file that a stage wrote: the table itself, or the one under scale=… that it is a copy of."""
    if provenance.read_record(table):
        return table
    checksum = provenance.sha256(table)
    candidates = sorted(table.parent.glob(f"scale=*/{table.name}"))
    return next((path for path in candidates if provenance.sha256(path) == checksum), table)


def _concerns(path: str, row: Mapping[str, Any]) -> bool:
    """Whether an input of the table's run matters for a figure: of all metrics only those of its run."""
    of_path = partitions(path)
    if "backbone" not in of_path:
        return True
    columns = {"benchmark": "benchmark", "backbone": "model", "method": "method"}
    return all(of_path[key] == row[column] for key, column in columns.items() if key in of_path)


def _figure(cell: Sequence[Mapping[str, Any]]) -> Text:
    """The figure itself and what the papers print."""
    row = cell[0]
    in_percent = layout.is_percent(row["metric"])
    text = Text(f"{row['metric']} = {layout.number(row['measured'], in_percent)}{' %' * in_percent}", style="bold")
    seeds = f", mean of {row['n_seeds']} seeds ± {row['std']:.2f}" if row["n_seeds"] > 1 else ""
    places = 2 if in_percent else 3
    if row["ci_low"] is not None:
        text.append(
            f"   95 % interval {row['ci_low']:.{places}f} to {row['ci_high']:.{places}f}{seeds}", style="default"
        )
    model = f" on {row['model']} (stands for {row['backbone']})" if row["model"] else ""
    about = [f"{row['dataset']} {row['split']}", f"{_value(row, 'method')}{model}", f"scale {row['scale']}"]
    text.append("\n" + ", ".join(filter(None, map(str.strip, about))) + "\n", style="default")
    for other in cell:
        if other["paper"]:
            text.append(
                f"{layout.printed_in(other)}, {other['row']}: {layout.number(other['published'], in_percent)}; "
            )
        text.append(f"{other['verdict'] or 'no verdict'}: {other['reason']}\n", style="dim")
    return text


def _tree(node: Node) -> Tree:
    """A node and what it was made from."""
    tree = Tree(Group(*_lines(node)), guide_style="dim")
    leaves: dict[Path, list[Node]] = {}
    for child in node.inputs:
        if child.record is None and not child.repeated:
            leaves.setdefault(Path(child.path).parent, []).append(child)
    crowded = {folder for folder, of_folder in leaves.items() if len(of_folder) > _MOST_LEAVES}
    for child in node.inputs:
        if child.record is not None or Path(child.path).parent not in crowded:
            tree.add(_tree(child))
    for folder in sorted(crowded):
        tree.add(_crowd(folder, leaves[folder]))
    if node.left_out:
        tree.add(Text(f"and {node.left_out} files of other runs, which this figure does not depend on", style="dim"))
    return tree


def _shown(path: str) -> str:
    """A path as seen from here."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


def _crowd(folder: Path, nodes: Sequence[Node]) -> Text:
    """Many files of one folder in a line."""
    changed = [node for node in nodes if node.state != lineage.SAME]
    text = Text(f"{_shown(str(folder))}/: {len(nodes):,} files, ")
    if not changed:
        return text.append("all the same", style="green")
    return text.append(listed([f"{node.path} {node.state}" for node in changed]), style="bold red")


def _lines(node: Node) -> list[Text]:
    """Path, checksum and state; then the run that made it."""
    first = Text(_shown(node.path), style="bold" if node.record else "")
    first.append(f"  {node.sha256[:12]} ", style="dim")
    first.append(node.state, style="green" if node.state == lineage.SAME else "bold red")
    if node.repeated:
        return [first.append("  (see above)", style="dim")]
    if node.record is None:
        return [first.append("  made by no stage", style="dim")]
    flags = " ".join(f"--{name} {value}" for name, value in lineage.settings(node.record).items())
    run = Text(f"{node.record['stage']} {flags}".strip(), style="cyan")
    code = Text(f"code {node.record['code_version']} ", style="dim")
    code.append(
        "as today" if node.code_is_todays else "changed since", style="green" if node.code_is_todays else "bold red"
    )
    code.append(f", {node.record['finished']}, {node.record['seconds']:.1f} s", style="dim")
    return [first, run, code]


def _runs(node: Node) -> Text:
    """Libraries and machines of all runs in the tree, each once."""
    libraries: dict[str, dict[str, None]] = {}
    machines: dict[str, None] = {}
    for run in node.walk():
        if run.record is None:
            continue
        for name, version in run.record["libraries"].items():
            libraries.setdefault(name, {})[version] = None
        machine = run.record["machine"]
        machines[f"{machine['system']}, {machine['cores']} cores, Python {machine['python']}"] = None
        if machine.get("gpu"):
            machines[f"GPU {machine['gpu']}"] = None
        if machine.get("precision"):
            machines[f"computed in {machine['precision']} on {machine['device']}"] = None
    versions = ", ".join(f"{name} {' and '.join(found)}" for name, found in libraries.items())
    return Text(
        f"\nlibraries: {versions}\nmachine: {'; '.join(machines)}" if libraries else "\nno record of a run was found"
    )
