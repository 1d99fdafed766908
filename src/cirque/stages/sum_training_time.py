"""Sum up what the training of one network φ took, with every run that it depends on."""

from pathlib import Path

from cirque.progress import say
from cirque.store import files, provenance, schemas
from cirque.training import times


def main(*, phi: Path, network: str, backbone: str, seed: int, output: Path) -> None:
    """Write one row a stage (schemas.TRAINING_TIMES).

    Args:
        phi: The network, with the record of its training beside it.
        network: As configured.
        backbone: As configured.
        seed: Of the training.
        output: Parquet file to write.
    """
    provenance.read(phi)
    about = {"network": network, "backbone": backbone, "seed": seed}
    rows = [{**about, **row} for row in times.of_network(phi)]
    files.write_rows(output, rows, schemas.TRAINING_TIMES)
    say(f"{network}, {backbone}: {sum(row['processor_seconds'] for row in rows):,.0f} s of the processors")
