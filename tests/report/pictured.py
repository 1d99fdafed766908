"""The small evaluated benchmark with pictures: what the page over all tables is made of, by the real stages."""

import copy
import shutil
from pathlib import Path

from PIL import Image

from cirque.store import files, schemas
from tests.evaluated import SCALE, SETTINGS, inside, run

N_IMAGES = 70
BENCHMARKS = ("cirr_val", "cirr_test1")
INDEX = Path("results/report/index.html")


def queries_page(benchmark="cirr_val"):
    """Where the page of a benchmark's queries lies."""
    return INDEX.with_name(f"queries_{benchmark}.html")


#: Captions as no annotator writes them.
HOSTILE = [
    "</script><script>document.title = 'broken in'</script>",
    '<img src="x" onerror="document.title = \'broken in\'">',
    "<!-- <script> \" ' & \\u003c \u2028 🌵 {{ css }}",
]

#: One colour for every picture: a screenshot shows it, and nothing else of the page does.
COLOUR = (255, 0, 200)


def settings():
    """What the configuration tells of itself: two benchmarks, each with an image set of its own name."""
    stated = copy.deepcopy(SETTINGS)
    for benchmark in BENCHMARKS:
        stated["benchmarks"][benchmark]["image_set"] = benchmark
    return stated


def prepare(evaluated: Path, folder: Path) -> Path:
    """Copy an evaluated project, give it hostile captions, pictures and shards; returns the copy."""
    shutil.copytree(evaluated, folder)
    with inside(folder):
        files.write_json(SCALE / "settings.json", settings())
        for benchmark in BENCHMARKS:
            _spoil_captions(SCALE / f"queries/benchmark={benchmark}/queries.parquet")
            _shard(benchmark, benchmark.partition("_")[2])
    return folder


def _spoil_captions(path: Path) -> None:
    rows = files.read_table(path).to_pylist()
    files.write_rows(path, [{**row, "captions": HOSTILE} for row in rows], schemas.QUERIES)


def _shard(image_set: str, split: str) -> None:
    """Pictures of different size on disk, listed and packed by the real stages."""
    names = [f"i{number}" for number in range(N_IMAGES)]
    for number, name in enumerate(names):
        path = Path(f"data/CIRR/{split}/{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100 + number, 40 + number), COLOUR).save(path)
    listing = {name: f"./{split}/{name}.png" for name in names}
    files.write_json(Path(f"data/CIRR/cirr/image_splits/split.rc2.{split}.json"), listing)
    images = SCALE / f"images/image_set={image_set}/images.parquet"
    assert run(
        "list_images", "--dataset", "cirr", "--split", split, "--image-set", image_set, "--n-images", N_IMAGES,
        "--shard-size", 40, "--data-root", "data", "--output", images,
    ) == 0  # fmt: skip
    for shard in range(2):
        tar = SCALE / f"shards/image_set={image_set}/{shard:05d}.tar"
        assert run("shard_images", "--images", images, "--shard", shard, "--data-root", "data", "--output", tar) == 0


def arguments(**changes: object) -> list[object]:
    """Command line of the stage write_index over the prepared project; None leaves an option out."""
    options: dict[str, object] = {
        "tables": [SCALE / "table_cirr.parquet"],
        "settings": SCALE / "settings.json",
        "queries": [queries_page(benchmark) for benchmark in BENCHMARKS],
        "output": INDEX,
        **changes,
    }
    return _words("write_index", options)


def arguments_of_queries(benchmark: str = "cirr_val", **changes: object) -> list[object]:
    """The same of the stage write_queries for a benchmark."""
    ranked = sorted(SCALE.glob(f"rankings/benchmark={benchmark}/**/rankings.parquet"))
    options: dict[str, object] = {
        "queries": SCALE / f"queries/benchmark={benchmark}/queries.parquet",
        "rankings": [path for path in ranked if "upper-bound" not in str(path)],
        "settings": SCALE / "settings.json",
        "images": SCALE / f"images/image_set={benchmark}/images.parquet",
        "shards": sorted(SCALE.glob(f"shards/image_set={benchmark}/*.tar")),
        "output": queries_page(benchmark),
        **changes,
    }
    return _words("write_queries", options)


def _words(stage: str, options: dict[str, object]) -> list[object]:
    words: list[object] = [stage]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", *(value if isinstance(value, list) else [value])]
    return words


def write() -> None:
    """Write the page and its pages of queries."""
    for benchmark in BENCHMARKS:
        assert run(*arguments_of_queries(benchmark)) == 0
    assert run(*arguments()) == 0
