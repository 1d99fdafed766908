"""What a rehearsal takes from a folder of official annotation files, what it makes itself, and what it leaves out.

    rehearsal.tables(config)  # those of `rehearse` whose annotation files are there
    rehearsal.left_out(config)  # {"coco": "no coco/annotations/instances_val2017.json in …"}

Files and folders are those that the real workflow asks a person for (`plan.needed_data`), so that no data set is named
here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cirque import datasets
from cirque.errors import CirqueError
from cirque.plan import needed_data, sources
from cirque.plan.needed_data import Need

Config = Mapping[str, Any]


def left_out(config: Config) -> dict[str, str]:
    """Tables that cannot be rehearsed, each with the reason: an annotation file is not at hand.

    Raises:
        CirqueError: `rehearse` names a table that there is not.
    """
    unknown = [table for table in config["rehearse"] if table not in config["tables"]]
    if unknown:
        raise CirqueError(f"rehearse: no table is called {', '.join(unknown)}; there are {', '.join(config['tables'])}")
    absent = {table: _absent(config, table) for table in config["rehearse"]}
    return {table: f"no {', '.join(files)} in {config['annotations']}" for table, files in absent.items() if files}


def tables(config: Config) -> list[str]:
    """Tables that are rehearsed, in the order of the configuration."""
    absent = left_out(config)
    return [table for table in config["rehearse"] if table not in absent]


def image_sets(config: Config) -> list[Need]:
    """Image sets of the rehearsed tables, each with its lists and folders."""
    return [need for need in needed_data.needs(config, tables(config)) if need.folders]


def copied(config: Config) -> list[str]:
    """Annotation files of the rehearsed tables that are at hand, relative to the data root."""
    named = (file for need in needed_data.needs(config, tables(config)) for file in need.files)
    return list(dict.fromkeys(file for file in named if _is_at_hand(config, file)))


def unlisted(config: Config) -> dict[str, Need]:
    """Lists of images that are not at hand and whose data set has a stand-in for them, with their image sets."""
    return {file: need for need in image_sets(config) for file in need.files if not _is_at_hand(config, file)}


def copied_of(config: Config, dataset: str) -> list[str]:
    """Those of the copied files that a data set's benchmarks read: its stand-in for a list is made of them."""
    entries = [entry for entry in config["benchmarks"].values() if entry["dataset"] == dataset]
    named = {file for entry in entries for file in sources.annotation_files(dataset, entry["split"]).values()}
    return [file for file in copied(config) if file in named]


def _absent(config: Config, table: str) -> list[str]:
    """Files of a table that are not at hand and that nothing stands in for."""
    needs = needed_data.needs(config, [table])
    listing = (need for need in needs if need.folders and datasets.stand_in_list(need.dataset))
    made = {file for need in listing for file in need.files}
    named = dict.fromkeys(file for need in needs for file in need.files)
    return [file for file in named if file not in made and not _is_at_hand(config, file)]


def _is_at_hand(config: Config, file: str) -> bool:
    return Path(config["annotations"], file).is_file()
