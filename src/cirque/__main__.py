"""Run one stage: `python -m cirque STAGE --help`; `python -m cirque` lists the stages.

Each stage is a module of `cirque.stages` with a function `main`, whose signature is its command line. Only the stage
asked for is imported, so that a table does not wait for torch.
"""

import ast
import importlib
import os
import pkgutil
import sys
import time
from pathlib import Path

from cirque import __version__, provenance, stages
from cirque.errors import CirqueError


def stage_summaries() -> dict[str, str]:
    """Name of every stage and the first line of its docstring, read without importing any of them."""
    folder = Path(stages.__path__[0])
    names = sorted(module.name for module in pkgutil.iter_modules([str(folder)]))
    return {
        name: (ast.get_docstring(ast.parse((folder / f"{name}.py").read_text())) or "").split("\n")[0] for name in names
    }


def main(arguments: list[str]) -> int:
    """Dispatch to one stage; returns the exit status."""
    summaries = stage_summaries()
    if not arguments or arguments[0] in {"-h", "--help"}:
        print("usage: python -m cirque STAGE [options]\n\nstages:")
        for name, summary in summaries.items():
            print(f"  {name:20} {summary}")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"cirque {__version__}")
        return 0
    name = arguments[0].replace("-", "_")
    if name not in summaries:
        print(f"cirque: no stage is called {arguments[0]!r}; there are {', '.join(summaries)}", file=sys.stderr)
        return 2
    # Nothing here may ask a hub: what a stage needs was fetched by a rule (cirque fetch opens the network itself).
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import tyro  # noqa: PLC0415  (the list of stages does not need it)

    started = time.time()
    try:
        stage = importlib.import_module(f"cirque.stages.{name}")
        tyro.cli(
            stage.main,
            prog=f"python -m cirque {name}",
            args=arguments[1:],
            config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagConversionOff, tyro.conf.AvoidSubcommands),
        )
        provenance.write_records(name, arguments[1:], started)
    except CirqueError as error:
        print(f"cirque {name}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
