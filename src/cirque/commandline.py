"""The command line of a stage that serves a family: its own options, and what the chosen member reads.

    python -m cirque train_network searle --features … --tokens … --learning-rate 1e-4 --seed 0 …

Such a stage has a `FAMILY`, and a `main` whose first parameter is the member's name and whose last is `**inputs`. In
place of `**inputs` stand the parameters of the member's entry, but for those that the stage gives it itself.
"""

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

from cirque.errors import CirqueError

Function = Callable[..., Any]


def for_member(stage: Function, member: Function, name: str, given: tuple[str, ...] = ()) -> Function:
    """The stage's function for one member, with a signature of its own.

    Args:
        stage: `main` of the stage: its first parameter is the member's name, its last `**inputs`.
        member: the member's entry.
        name: of the member.
        given: parameters of the member that the stage makes itself (a torch device, say), besides its own options.

    Returns:
        A function of keywords alone; what the member reads comes first, and the stage's documentation follows its own.

    Raises:
        CirqueError: a parameter of the member takes any number of values, which no command line can name.
    """
    first, *own, rest = inspect.signature(stage).parameters.values()
    assert rest.kind is inspect.Parameter.VAR_KEYWORD
    assert first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    read = inspect.signature(member).parameters.values()
    unnamed = [p.name for p in read if p.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)]
    if unnamed:
        raise CirqueError(f"{name}: its parameter {unnamed[0]} takes any values; name each input that it reads")
    known = {parameter.name for parameter in own} | set(given)
    added = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in read if p.name not in known]
    parameters = [*added, *own]
    hints = {**typing.get_type_hints(member), **typing.get_type_hints(stage)}

    @functools.wraps(stage)
    def run(**options: Any) -> Any:
        return stage(name, **options)

    del run.__wrapped__  # the signature is not the stage's
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: hints[p.name] for p in parameters} | {"return": None}
    run.__doc__ = _documented(stage, member)
    return run


def _documented(stage: Function, member: Function) -> str:
    """The stage's docstring, with the member's arguments before its own."""
    head, _, own = inspect.cleandoc(stage.__doc__ or "").partition("Args:\n")
    _, _, read = inspect.cleandoc(member.__doc__ or "").partition("Args:\n")
    described = read.split("\n\n")[0].rstrip()
    return f"{head}Args:\n{described}\n{own}"


def accepted(member: Function, options: dict[str, Any]) -> dict[str, Any]:
    """Those of some options that a member's entry has a parameter for."""
    return {name: value for name, value in options.items() if name in inspect.signature(member).parameters}
