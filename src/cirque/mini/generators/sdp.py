"""Generate prompts of the kind that people give to image generators, from scenes of the mini world."""

import random
from pathlib import Path

from cirque.mini.captions import noun_phrase
from cirque.mini.draws import draws
from cirque.mini.scenes import ATTRIBUTES, draw_scene
from cirque.store import files

#: What is written, relative to the data root.
FILES = ("sdp/all_prompts.txt",)

#: What such prompts end in.
MANNERS = ("highly detailed", "digital art", "soft light", "wide shot", "sharp focus", "simple colours", "flat design")


def prompt(rng: random.Random) -> str:
    """`two red stars on a striped background, soft light, digital art`."""
    scene = draw_scene(rng)
    said = noun_phrase(scene, {name for name in ATTRIBUTES if rng.random() < 0.8}, rng)
    return ", ".join([said, *rng.sample(MANNERS, rng.randrange(len(MANNERS)))])


def generate(*, seed: int, n_prompts: int, data_root: Path) -> None:
    """Write sdp/all_prompts.txt, one prompt a line.

    Args:
        seed: Of every draw.
        n_prompts: Number of prompts.
        data_root: Folder of the generated data.
    """
    lines = [prompt(draws(seed, "sdp", i)) for i in range(n_prompts)]
    files.write_text(data_root / "sdp" / "all_prompts.txt", "".join(f"{line}\n" for line in lines))
