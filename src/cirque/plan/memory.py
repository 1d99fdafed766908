"""Memory of a job whose stage holds more where there is more data, once for each stage.

    MEMORY["list_images"].of(10_968_539)  # 9,734 MiB, of CC12M

Measured by `benchmarks/memory.py` as a slope between two sizes of drawn files, 768 numbers a feature. What a rule asks
of a cluster is more (tests/plan/test_memory.py). A stage that is not here holds what does not grow with the data, or a
block of it at a time, as features of captions and phrases are written.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MIB = 2**20

#: What a job may hold a multiple of: files that it reads, but weights; images; captions of its part of a corpus;
#: phrases that a batch of images is inverted by.
INPUTS = "bytes of its inputs"
IMAGES_OF_SET = "images of the set"
IMAGES_OF_PART = "images of its part"
CAPTIONS_OF_PART = "captions of its part"
TEXTS_OF_BATCH = "phrases of a batch"  # one for each image and step


@dataclass(frozen=True)
class Memory:
    """Peak memory of a job.

    Attributes:
        base: MiB of a job without data: libraries, and weights of one small layer.
        each: bytes more for each item.
        unit: what an item is.
    """

    base: float
    each: float
    unit: str

    def of(self, n_items: float) -> float:
        """MiB of a job of so many items."""
        return self.base + self.each * n_items / MIB


#: By rule; after its name the trainer, or what else grows.
MEMORY: Mapping[str, Memory] = {
    "list_images": Memory(152, 916, IMAGES_OF_SET),
    "shard_images": Memory(763, 139, IMAGES_OF_SET),
    "extract_features": Memory(849, 16, IMAGES_OF_SET),
    "extract_features, part": Memory(835, 5800, IMAGES_OF_PART),
    "finetune_backbone": Memory(885, 2340, IMAGES_OF_SET),
    "associate_concepts": Memory(258, 10700, IMAGES_OF_SET),
    "tag_captions": Memory(885, 575, CAPTIONS_OF_PART),
    "invert_images oti": Memory(1109, 1.12, INPUTS),
    "invert_images oti, batch": Memory(1386, 574, TEXTS_OF_BATCH),
    "train_network searle": Memory(1391, 1.2, INPUTS),
    "train_network lincir": Memory(1327, 1.19, INPUTS),
    "train_network pic2word": Memory(986, 1.02, INPUTS),
    "train_network palavra": Memory(1230, 1.55, INPUTS),
    "train_network combiner": Memory(897, 20200, IMAGES_OF_SET),
    "evaluate": Memory(915, 1.09, INPUTS),
}
