"""Sum up what the training of one network φ took, with every job that it depends on."""

from pathlib import Path

from cirque.progress import say
from cirque.store import files, schemas
from cirque.training import times as training_times


def main(*, costs: list[Path], network: str, backbone: str, seed: int, output: Path) -> None:
    """Write one row a rule (schemas.TRAINING_TIMES).

    Args:
        costs: Snakemake's measurement of each job (…/costs/RULE/….jsonl).
        network: As configured.
        backbone: As configured.
        seed: Of the training.
        output: Parquet file to write.
    """
    about = {"network": network, "backbone": backbone, "seed": seed}
    rows = [{**about, **row} for row in training_times.summed(training_times.read(path) for path in costs)]
    files.write_rows(output, rows, schemas.TRAINING_TIMES)
    say(f"{network}, {backbone}: {sum(row['processor_seconds'] for row in rows):,.0f} s of the processors")
