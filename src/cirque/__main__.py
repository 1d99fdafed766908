"""Run one command or stage: `python -m cirque NAME --help`; `python -m cirque` lists them.

Each is a module of `cirque.commands` (what people call) or `cirque.stages` (what rules call) with a function `main`,
whose signature is its command line, or with a `main` that names several, each for a word of its own. Only the one asked
for is imported, so that a table does not wait for torch.
"""

import ast
import io
import os
import sys
import time

from cirque import __version__
from cirque.commandline import Function, for_member
from cirque.errors import CirqueError
from cirque.families import COMMANDS, STAGES, Family
from cirque.store import provenance


def summaries(family: Family) -> dict[str, str]:
    """Each member's name and the first line of its docstring, read without importing any of them."""
    return {
        name: (ast.get_docstring(ast.parse(family.file(name).read_text(encoding="utf-8"))) or "").split("\n")[0]
        for name in family.names()
    }


def usage() -> str:
    """What `--help` prints."""
    lines = ["usage: python -m cirque NAME [options]", "       python -m cirque NAME --help"]
    for title, family in (("commands", COMMANDS), ("stages, which the rules of the workflow call", STAGES)):
        lines += ["", f"{title}:", *(f"  {name:22} {summary}" for name, summary in summaries(family).items())]
    return "\n".join(lines)


def _function(family: Family, name: str, words: list[str]) -> tuple[Function | dict[str, Function], list[str]]:
    """The function of a command or stage, or several by their words; and the words that are left for it.

    Of a stage that serves a family the first word is a member's name.

    Raises:
        CirqueError: the family has no such member.
    """
    module = family.load(name)
    served = getattr(module, "FAMILY", None)
    if served is None:
        return module.main, words
    if not words or words[0].startswith("-"):
        raise CirqueError(f"name the {served.noun}: python -m cirque {name} {' | '.join(served.names())} [options]")
    member = getattr(served.load(words[0]), served.entry)
    return for_member(module.main, member, words[0], getattr(module, "GIVEN", ())), words[1:]


def main(arguments: list[str]) -> int:
    """Dispatch to one command or stage; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):  # what a terminal cannot show is replaced, never an error
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"cirque {__version__}")
        return 0
    name = arguments[0].replace("-", "_")
    family = next((family for family in (COMMANDS, STAGES) if name in family.names()), None)
    if family is None:
        known = ", ".join([*COMMANDS.names(), *STAGES.names()])
        print(f"cirque: no stage or command is called {arguments[0]!r}; there are {known}", file=sys.stderr)
        return 2
    # Nothing here may ask a hub: what a stage needs was fetched by a rule (cirque fetch opens the network itself).
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import tyro  # noqa: PLC0415  (the list of stages does not need it)

    started = time.time()
    try:
        function, words = _function(family, name, arguments[1:])
        prog = f"python -m cirque {' '.join(arguments[: len(arguments) - len(words)])}"
        if callable(function):
            config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagConversionOff, tyro.conf.AvoidSubcommands)
            tyro.cli(function, prog=prog, args=words, config=config)
        else:
            config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff, tyro.conf.AvoidSubcommands)
            tyro.extras.subcommand_cli_from_dict(function, prog=prog, args=words, config=config)
        provenance.write_records(name, arguments[1:], started)
    except CirqueError as error:
        print(f"cirque {name}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
