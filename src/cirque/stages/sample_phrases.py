"""Sample what a language model says of each concept of one part of the vocabulary."""

from pathlib import Path

from cirque import devices, precisions
from cirque.progress import progress
from cirque.store import files, schemas
from cirque.texts import concepts, language_model
from cirque.texts import phrases as sampling


def main(
    *,
    vocabulary: Path,
    model: Path,
    settings: sampling.Settings,
    part: int,
    n_parts: int,
    seed: int,
    output: Path,
    threads: int,
    device: str = "auto",
    precision: precisions.FrozenPrecision = "fp32",
) -> None:
    """Write the phrases of the part's concepts, in the order of the vocabulary.

    Args:
        vocabulary: Open Images class file.
        model: Folder of a causal language model.
        settings: Sampling.
        part: Which part, from 0.
        n_parts: Parts that the vocabulary is divided into.
        seed: Seed of the sampling.
        output: Parquet file to write.
        threads: Threads for torch.
        device: auto, cpu or cuda.
        precision: What the language model's weights and products are in.
    """
    names = sampling.part_of(concepts.read_vocabulary(vocabulary), part, n_parts)
    speaker = language_model.load(model, devices.prepare(threads, device, precision), devices.TYPES[precision])
    rows = [
        {"concept": name, "phrases": sampling.continuations(name, speaker, settings, seed)}
        for name in progress(names, what="phrases", unit="concept")
    ]
    files.write_rows(output, rows, schemas.PHRASES, schemas.CONCEPTS_OF_A_GROUP)
