"""Train the small GPT-2 that continues concept prompts, on the sentences of a corpus."""

from pathlib import Path

from cirque import devices
from cirque.store import files
from cirque.texts import language_model


def main(
    *, corpus: Path, settings: language_model.Settings, seed: int, output: Path, threads: int, device: str = "auto"
) -> None:
    """Write a model folder in the layout of `transformers`.

    Args:
        corpus: UTF-8 text, one sentence a line.
        settings: Size and training of the model.
        seed: Seed of weights, order and dropout.
        output: Folder to make; it appears only when whole.
        threads: Threads for torch.
        device: auto, cpu or cuda.
    """
    where = devices.prepare(threads, device, "fp32")
    model = language_model.train(language_model.read_corpus(corpus), settings, seed, where)
    with files.atomic_folder(output) as partial:
        language_model.save(partial, model)
