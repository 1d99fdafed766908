"""Fine-tuning of a backbone: pairs of the data set's own list, failed images left out, resumable to the last bit."""

import dataclasses
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from cirque import datasets
from cirque.datasets import cc3m
from cirque.encoders import backbones, clip, extraction
from cirque.errors import CirqueError
from cirque.mini.generators import cc3m as generator
from cirque.plan import machine
from cirque.plan.calls import flags
from cirque.stages import extract_features as features
from cirque.stages import finetune_backbone, list_images
from cirque.stages import shard_images as shard
from cirque.trainers.clip import Settings
from tests.tiny import CONFIG

SETTINGS = Settings(epochs=2, batch=4, learning_rate=1e-3, weight_decay=0.1, warmup=1)
N_IMAGES = 14


def write_weights(path: Path) -> Path:
    config = {**CONFIG, "text_cfg": {**CONFIG["text_cfg"], "context_length": 77}}
    torch.manual_seed(0)
    backbones.save(
        clip.build("tiny", config), path, encoder="clip", name="tiny", config=config, source="trained", seed=0
    )
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CC3M with one broken image and one empty caption, sharded and encoded."""
    root = tmp_path_factory.mktemp("finetune")
    generator.generate(seed=0, image_size=32, n_cc3m_captions=30, n_cc3m_images=N_IMAGES, data_root=root)
    (root / "cc3m/cc_data/train/000000003.jpg").write_bytes(b"no picture")
    listed = root / cc3m.LISTS["train"]
    lines = listed.read_text().splitlines()
    lines[6] = "\t" + lines[6].split("\t")[1]
    listed.write_text("\n".join(lines) + "\n")
    images = root / "images.parquet"
    entry = {"dataset": "cc3m", "split": "train", "image_set": "cc3m", "n_images": N_IMAGES, "shard_size": 8}
    list_images.main(**entry, data_root=root, output=images)
    weights = write_weights(root / "weights.safetensors")
    for number in range(2):
        tar = root / f"shards/{number:05d}.tar"
        shard.main(images=images, shard=number, data_root=root, output=tar)
        features.main(
            shards_of_part=[tar],
            images=images,
            weights=weights,
            preprocess="targetpad",
            max_failed=1,
            output=root / f"features/{number:05d}.parquet",
        )
    return root


def options(folder: Path, out: Path) -> dict[str, Any]:
    return {
        "base": folder / "weights.safetensors",
        "images": folder / "images.parquet",
        "shards": sorted((folder / "shards").glob("*.tar")),
        "features": sorted((folder / "features").glob("*.parquet")),
        "dataset": "cc3m",
        "split": "train",
        "data_root": folder,
        "preprocess": "targetpad",
        "seed": 0,
        "work": out / "work",
        "weights": out / "weights.safetensors",
        "threads": 1,
        "device": "cpu",
    }


def run(folder: Path, out: Path, settings: Settings = SETTINGS, **saving: float) -> bytes:
    finetune_backbone.main(settings=settings, **options(folder, out), **saving)
    return (out / "weights.safetensors").read_bytes()


def torchrun(folder: Path, out: Path, settings: Settings = SETTINGS, processes: int = 2) -> list[str]:
    """The command that trains in several processes, as the rule calls it."""
    given = flags({**options(folder, out), **dataclasses.asdict(settings), "seconds_between_saves": 0})
    launcher = shlex.split(machine.launcher(processes, settings.batch))
    return [sys.executable, *launcher[1:], "-m", "cirque", "finetune_backbone", *shlex.split(given)]


def test_the_fine_tuned_backbone_loads_and_tells_what_it_was_made_of(folder: Path, tmp_path: Path):
    run(folder, tmp_path)
    before = backbones.load(folder / "weights.safetensors", torch.device("cpu"))
    after = backbones.load(tmp_path / "weights.safetensors", torch.device("cpu"))
    assert (after.name, after.dim, after.image_size) == (before.name, before.dim, before.image_size)
    assert not torch.equal(after.model.visual.proj, before.model.visual.proj)
    assert not torch.equal(after.model.text_projection, before.model.text_projection)
    stated = json.loads(backbones.side_car(tmp_path / "weights.safetensors").read_text())
    assert stated["source"] == "finetuned"
    assert stated["base"]["path"] == str(folder / "weights.safetensors")
    assert stated["settings"] == dataclasses.asdict(SETTINGS)
    assert len(stated["losses"]) == SETTINGS.epochs
    assert not (tmp_path / "work").exists()


def test_broken_images_and_empty_captions_are_left_out_and_counted(folder: Path, tmp_path: Path, capsys):
    run(folder, tmp_path)
    stated = json.loads(backbones.side_car(tmp_path / "weights.safetensors").read_text())
    assert (stated["n_images"], stated["n_failed"], stated["n_without_caption"]) == (12, 1, 1)
    assert "12 pairs; 1 images failed and 1 have an empty caption" in capsys.readouterr().err


def test_each_image_learns_from_its_own_caption(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = {}

    def watch(model, tokenizer, data, settings, run, **rest):
        seen["captions"], seen["pixels"] = data.captions, data.pixels
        return []

    monkeypatch.setattr(finetune_backbone.clip_training, "train", watch)
    run(folder, tmp_path)
    pairs = cc3m.captions(folder, "train")
    usable = [number for number in range(N_IMAGES) if number not in (3, 5)]
    assert seen["captions"] == [[pairs[number][1]] for number in usable]
    tenth = (folder / "cc3m" / pairs[usable[10]][0]).read_bytes()
    (pixels,) = seen["pixels"](torch.tensor([10]).numpy())
    assert (pixels == extraction.read_pixels(tenth, "targetpad", 32)).all()


def test_a_training_that_was_cut_off_ends_with_the_same_bits(folder: Path, tmp_path: Path, monkeypatch):
    settings = dataclasses.replace(SETTINGS, epochs=4)
    decode, steps = extraction.decode_all, iter(range(100))

    def cut_off(*given):
        if next(steps) == 7:
            raise KeyboardInterrupt
        return decode(*given)

    with monkeypatch.context() as patched:
        patched.setattr(extraction, "decode_all", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run(folder, tmp_path, settings, seconds_between_saves=0)
    assert list((tmp_path / "work").glob("*.safetensors"))
    assert not (tmp_path / "weights.safetensors").exists()
    assert run(folder, tmp_path, settings) == run(folder, tmp_path / "whole", settings)


def test_images_that_the_list_does_not_name_and_sets_without_captions_are_refused(folder: Path, tmp_path: Path):
    with pytest.raises(CirqueError, match="data set imagenet: its images have no captions"):
        datasets.load_captioned("imagenet")
    listed = folder / cc3m.LISTS["train"]
    whole = listed.read_text()
    listed.write_text("\n".join(whole.splitlines()[:-2]) + "\n")
    try:
        with pytest.raises(CirqueError, match=r"2 of its 14 images have no caption .*first: cc_data/train/000000012"):
            run(folder, tmp_path)
    finally:
        listed.write_text(whole)
    assert not (tmp_path / "weights.safetensors").exists()


# ---- several processes ---------------------------------------------------------------------------------------------


def require_close(out: Path, whole: Path) -> None:
    """Losses and weights of two trainings differ by rounding alone."""
    stated, expected = (json.loads(backbones.side_car(x / "weights.safetensors").read_text()) for x in (out, whole))
    assert stated["losses"] == pytest.approx(expected["losses"], rel=1e-5)
    found, weights = (load_file(x / "weights.safetensors") for x in (out, whole))
    torch.testing.assert_close(found, weights, rtol=0, atol=1e-5)


def test_two_processes_end_with_the_losses_and_weights_of_one(folder: Path, tmp_path: Path):
    run(folder, tmp_path / "whole")
    done = subprocess.run(torchrun(folder, tmp_path), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("12 pairs") == 1  # the first process speaks for both
    require_close(tmp_path, tmp_path / "whole")
    record = json.loads((tmp_path / "weights.safetensors.run.json").read_text())
    assert record["machine"]["processes"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "weights.json", "weights.json.run.json", "weights.safetensors", "weights.safetensors.run.json", "whole"
    ]  # fmt: skip


def test_another_number_of_processes_goes_on_from_the_saved_step(folder: Path, tmp_path: Path, monkeypatch):
    settings = dataclasses.replace(SETTINGS, epochs=4)
    run(folder, tmp_path / "whole", settings)
    decode, steps = extraction.decode_all, iter(range(100))

    def cut_off(*given):
        if next(steps) == 7:
            raise KeyboardInterrupt
        return decode(*given)

    with monkeypatch.context() as patched:
        patched.setattr(extraction, "decode_all", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run(folder, tmp_path, settings, seconds_between_saves=0)
    done = subprocess.run(
        torchrun(folder, tmp_path, settings), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("going on from step 7") == 1
    require_close(tmp_path, tmp_path / "whole")


def test_a_killed_process_ends_the_training_in_words_and_it_goes_on_alone(folder: Path, tmp_path: Path):
    settings = dataclasses.replace(SETTINGS, epochs=2000)
    training = subprocess.Popen(torchrun(folder, tmp_path, settings), stderr=subprocess.PIPE, text=True)
    try:
        while not list((tmp_path / "work").glob("*.safetensors")):
            assert training.poll() is None
        found = subprocess.run(["pgrep", "-P", str(training.pid)], capture_output=True, text=True, check=True)
        os.kill(int(found.stdout.split()[-1]), signal.SIGKILL)
        _, said = training.communicate(timeout=120)
    finally:
        training.kill()
    assert training.returncode != 0
    assert re.search(r"process \d of 2: another process of this training has ended", said) or "Signal 9" in said, said
    assert not (tmp_path / "weights.safetensors").exists()
    assert list((tmp_path / "work").glob("*.safetensors"))
