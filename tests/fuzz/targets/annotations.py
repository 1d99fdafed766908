"""Annotation files of every data set, as the mini world writes them in the official layouts, and the configuration."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cirque import datasets
from cirque.css import making, release
from cirque.data import download
from cirque.errors import CirqueError
from cirque.families import GENERATORS
from cirque.plan import config as configuration
from cirque.plan import layers, sources, values
from cirque.stages import prepare_coco
from tests.conftest import REPOSITORY
from tests.fuzz import mutations
from tests.fuzz.harness import Target

_CONFIG, _TIRG = (
    layers.merged_files([REPOSITORY / "tests/workflow" / name], REPOSITORY / "config/papers.yaml")
    for name in ("tiny.yaml", "tirg.yaml")
)


@functools.cache
def _of_section(section: str) -> dict[tuple[str, str], None]:
    """Data set and split of what a section of the tests' configurations names."""
    found = {}
    for config in (_CONFIG, _TIRG):
        for entry in config.get(section, {}).values():
            named = config["image_sets"][entry["image_set"]] if section == "trainings" else entry
            found[named["dataset"], named["split"]] = None
    return found


@functools.cache
def _world() -> dict[str, bytes]:
    """Files of the generated world; pictures are empty."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for generator in GENERATORS.names():
            asked = {**_TIRG["world"], **_CONFIG["world"], "image_size": 32, "n_captioned": 8}
            known = {key: value for key, value in asked.items() if key in GENERATORS.parameters(generator)}
            GENERATORS.load(generator).generate(data_root=root, **known)
        coco = root / "coco"
        prepare_coco.main(
            annotations=coco / "annotations/instances_val2017.json",
            images=coco / "val2017",
            seed=0,
            output=coco / "coco_eval.csv",
            masked=coco / "val2017_masked",
        )
        (root / "css").mkdir()
        release.write(
            root / "css/css_scenes.json", {split: making.make(1, split, "release", 4, 4) for split in ("train", "test")}
        )
        pictures = (".jpg", ".png", ".jpeg")
        files = [path for path in root.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(root)): b"" if path.suffix.lower() in pictures else path.read_bytes() for path in files
        }


def _parsed(dataset: str, split: str, root: Path) -> None:
    """Everything that a data set's module reads of a split."""
    source: Any = datasets.load(dataset)
    listed = [name for name, _ in source.images(root, split)]
    assert len(set(listed)) == len(listed)
    if hasattr(source, "captions"):
        source.captions(root, split)
    if (dataset, split) in _of_section("trainings"):
        source.training(root, split)
    for protocol in getattr(source, "PROTOCOLS", (None,)) if (dataset, split) in _of_section("benchmarks") else ():
        how = datasets.protocol(dataset, protocol)
        candidates = {name for name, _ in datasets.gallery(dataset, root, split, protocol)}
        for row in source.queries(root, split, **how):
            assert candidates.issuperset(row["target_ids"])


def _changed_by(file: str) -> Callable[[bytes, Any], bytes]:
    return mutations.of_json if file.endswith(".json") else mutations.of_lines


def _seeds(file: str, needed: tuple[str, ...]) -> Callable[[Path], list[bytes]]:
    """The world's file, in the company of what the parser reads beside it."""

    def write(folder: Path) -> list[bytes]:
        world = _world()
        tops = {one.partition("/")[0] for one in needed}
        for name, data in world.items():
            if name.partition("/")[0] in tops:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
        return [world[file]]

    return write


def _of_datasets() -> list[Target]:
    found = []
    for dataset, split in {**_of_section("image_sets"), **_of_section("benchmarks")}:
        files = tuple(sources.annotation_files(dataset, split).values())
        for file in files:
            depth = len(Path(file).parts)
            found.append(
                Target(
                    f"{dataset}_{split}_{Path(file).stem}",
                    file,
                    _seeds(file, files),
                    lambda path, dataset=dataset, split=split, depth=depth: _parsed(
                        dataset, split, path.parents[depth - 1]
                    ),
                    _changed_by(file),
                    driver="hypothesis",
                )
            )
    return found


def _configured(file: Path) -> None:
    config = values.expanded(layers.merged_files([file], REPOSITORY / "config/papers.yaml"))
    try:
        configuration.check(config, REPOSITORY / "config/config.schema.yaml")
    except CirqueError as error:  # of files in layers no one is to blame: keys are named
        raise CirqueError(f"{file}: {error}") from error


def _of_configuration(folder: Path) -> list[bytes]:
    return [(REPOSITORY / name).read_bytes() for name in ("config/config.yaml", "tests/workflow/tiny.yaml")]


TARGETS = [
    *_of_datasets(),
    Target("configuration", "config.yaml", _of_configuration, _configured, mutations.of_lines, driver="hypothesis"),
    Target(
        "registry",
        "datasets.tsv",
        lambda folder: [(REPOSITORY / "config/datasets.tsv").read_bytes()],
        download.read_registry,
        mutations.of_lines,
        driver="hypothesis",
    ),
]
