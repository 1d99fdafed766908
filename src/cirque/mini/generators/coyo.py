"""Generate a shard of COYO-700M with alternative texts about scenes of the mini world."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cirque.mini.alt_texts import alt_text
from cirque.mini.draws import draws
from cirque.store import files

#: What is written, relative to the data root.
FILES = ("coyo-700m/data/part-00000-17da4908-939c-46e5-91d0-15f256041956-c000.snappy.parquet",)

#: The first of the official 128 shards.
FILE = "coyo-700m/data/part-00000-17da4908-939c-46e5-91d0-15f256041956-c000.snappy.parquet"

#: Columns of the official shards, in their order.
SCHEMA = pa.schema(
    [("id", pa.int64()), ("url", pa.string()), ("text", pa.string()), ("width", pa.int64()), ("height", pa.int64())]
    + [("image_phash", pa.string())]
    + [(name, pa.int64()) for name in ("text_length", "word_count", "num_tokens_bert", "num_tokens_gpt", "num_faces")]
    + [(f"clip_similarity_{model}", pa.float64()) for model in ("vitb32", "vitl14")]
    + [(f"nsfw_score_{model}", pa.float64()) for model in ("opennsfw2", "gantman")]
    + [(name, pa.float64()) for name in ("watermark_score", "aesthetic_score_laion_v2")]
)


def record(number: int, text: str, rng: random.Random) -> dict[str, object]:
    """A row of a shard; what an image would be measured for is drawn, and every word is a token."""
    n_words = len(text.split())
    return {
        "id": number,
        "url": f"http://images.invalid/{number:09d}.jpg",
        "text": text,
        "width": rng.randrange(200, 2000),
        "height": rng.randrange(200, 2000),
        "image_phash": f"{rng.getrandbits(64):016x}",
        "text_length": len(text),
        "num_faces": 0,
        **dict.fromkeys(("word_count", "num_tokens_bert", "num_tokens_gpt"), n_words),
        **{name: rng.random() for name in SCHEMA.names if "similarity" in name or "score" in name},
    }


def generate(*, seed: int, n_alt_texts: int, data_root: Path) -> None:
    """Write the first shard of coyo-700m/data.

    Args:
        seed: Of every draw.
        n_alt_texts: Number of rows.
        data_root: Folder of the generated data.
    """
    rows = [record(i, alt_text(draws(seed, "coyo", i)), draws(seed, "coyo", i, "measures")) for i in range(n_alt_texts)]
    with files.atomic(data_root / FILE) as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), partial, compression="snappy")
