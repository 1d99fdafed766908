"""Find the concepts nearest to each image of a set."""

from pathlib import Path

import pyarrow as pa

from cirque.encoders.features import failures, require_few_failures
from cirque.progress import progress
from cirque.store import files, schemas, vectors
from cirque.texts import concepts


def main(*, features: list[Path], concept_features: Path, n_stored: int, max_failed: int, output: Path) -> None:
    """Write each image's nearest concepts, most similar first, in the order of the images.

    Args:
        features: Feature files of the set's shards; images that could not be read are left out.
        concept_features: Class embeddings of the vocabulary.
        n_stored: Concepts kept for each image.
        max_failed: How many images of the set may be without a feature.
        output: Parquet file to write.
    """
    image_ids, images = vectors.read(features, "image_id", "feature")
    failed = failures(features)
    require_few_failures(failed, len(image_ids) + len(failed), max_failed, str(features[0].parent))
    names, classes = vectors.read([concept_features], "concept", "feature")
    n_batches = -(-len(image_ids) // concepts.IMAGES_AT_ONCE)
    blocks, filled = [], 0
    for best, similarities in progress(
        concepts.nearest(images, classes, n_stored), total=n_batches, what="nearest concepts", unit="batch"
    ):
        block = {
            "image_id": image_ids[filled : filled + len(best)],
            "concepts": [[names[i] for i in row] for row in best],
            "similarities": list(similarities),
        }
        blocks.append(pa.table(block, schema=schemas.CONCEPTS))
        filled += len(best)
    files.write_table(output, pa.concat_tables(blocks), schemas.CONCEPTS)
