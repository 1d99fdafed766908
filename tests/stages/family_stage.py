"""A stage that serves a family, for one member, as a function of keywords."""

import importlib
from collections.abc import Callable

from cirque.commandline import for_member


def stage_of(stage: str, member: str) -> Callable[..., None]:
    """What `python -m cirque STAGE MEMBER` runs."""
    module = importlib.import_module(f"cirque.stages.{stage}")
    entry = getattr(module.FAMILY.load(member), module.FAMILY.entry)
    found: Callable[..., None] = for_member(module.main, entry, member, getattr(module, "GIVEN", ()))
    return found
