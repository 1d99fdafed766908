"""Memory of a job whose stage holds more where there is more data, once for each stage.

    MEMORY["list_images"].of(10_968_539)  # MiB, of CC12M

Measured by `benchmarks/memory.py` as a slope between two sizes of drawn files, 768 numbers a feature. What a rule asks
of a cluster is more (tests/plan/test_memory.py). A stage that is not here holds what does not grow with the data.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MIB = 2**20

#: What a job holds a multiple of: the files that it reads, weights left out.
INPUTS = "bytes of inputs"
OF_SET = "images of the set"
OF_PART = "images of the part"


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


MEMORY: Mapping[str, Memory] = {}
