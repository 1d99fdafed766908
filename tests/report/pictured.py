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
    """Command line of the stage index_page over the prepared project; None leaves an option out."""
    options: dict[str, object] = {
        "tables": [SCALE / "table_cirr.parquet"],
        "settings": SCALE / "settings.json",
        "queries": sorted(SCALE.glob("queries/*/queries.parquet")),
        "rankings": sorted(SCALE.glob("rankings/**/rankings.parquet")),
        "images": sorted(SCALE.glob("images/*/images.parquet")),
        "shards": sorted(SCALE.glob("shards/*/*.tar")),
        "output": INDEX,
        **changes,
    }
    words: list[object] = ["write_index"]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", *(value if isinstance(value, list) else [value])]
    return words
