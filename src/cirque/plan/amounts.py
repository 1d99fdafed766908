"""Sums of which a part may be open: what jobs take, as far as it is known.

Amount(3600.0) + OPEN  # Amount(known=3600.0, is_open=True)
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Amount:
    """A sum, and whether more comes to it that nothing is known of."""

    known: float = 0.0
    is_open: bool = False

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.known + other.known, self.is_open or other.is_open)

    @classmethod
    def of(cls, value: float | None) -> "Amount":
        """A known value, or what is open."""
        return OPEN if value is None else cls(value)


OPEN = Amount(is_open=True)
NOTHING = Amount()


@dataclass(frozen=True)
class Cost:
    """What one job or several of a stage take.

    Attributes:
        items: that it works on.
        unit: of them.
        gpu: seconds of a GPU.
        processor: seconds of processors.
        n_bytes: that it writes.
        figures: names of what the estimate is made of.
    """

    items: Amount = NOTHING
    unit: str = ""
    gpu: Amount = NOTHING
    processor: Amount = OPEN
    n_bytes: Amount = OPEN
    figures: frozenset[str] = frozenset()

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.items + other.items,
            self.unit if self.unit in ("", other.unit) or not other.unit else f"{self.unit}, {other.unit}",
            self.gpu + other.gpu,
            self.processor + other.processor,
            self.n_bytes + other.n_bytes,
            self.figures | other.figures,
        )
