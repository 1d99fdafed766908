"""How a benchmark is evaluated, whoever computed the ranking."""

from dataclasses import dataclass

from cirque.evaluation.ranking import Ties


@dataclass(frozen=True)
class Protocol:
    """How a benchmark is evaluated.

    Attributes:
        benchmark: its name in the configuration.
        split: of its data set.
        metrics: names such as R@10, R_subset@1, mAP@5, mAP@10[negation].
        remove_reference: whether a query's own reference is taken out of its gallery.
        ties: who wins a tie: the image that is earlier in the gallery, or the target.
        server: module of cirque.submissions that checks and writes the files for its test server, if it has one.
    """

    benchmark: str
    split: str
    metrics: list[str]
    remove_reference: bool
    ties: Ties = "gallery"
    server: str | None = None
