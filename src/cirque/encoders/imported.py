"""open_clip, imported without what the towers do not need: a third of the processor time of its plain import.

    from cirque.encoders.imported import open_clip

open_clip takes timm's image towers and Hugging Face's text towers where these packages are there; no tower of ours is
either, and both cost seconds in each of many short jobs. torchvision asks torch's compiler whether it is there for
operators that nothing here calls; that alone would import the compiler. Where any of this no longer holds for another
version of a library, the import is the plain one.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

#: Packages that open_clip can do without.
OPTIONAL = ("timm", "transformers")

_COMPILER = "torch._dynamo"


@contextmanager
def _set_aside(replaced: dict[str, ModuleType | None]) -> Iterator[None]:
    """Put stand-ins into the table of modules for as long as an import takes; None makes an import fail."""
    before = {name: sys.modules.get(name) for name in replaced}
    sys.modules.update(replaced)  # type: ignore[arg-type]  # None is how Python spells that there is no such module
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def _imported() -> Any:
    if "open_clip" in sys.modules or any(name in sys.modules for name in (*OPTIONAL, _COMPILER)):
        return importlib.import_module("open_clip")
    compiler, its_utils = ModuleType(_COMPILER), ModuleType(f"{_COMPILER}.utils")
    its_utils.is_compile_supported = lambda device_type: False  # type: ignore[attr-defined]
    stand_ins = {_COMPILER: compiler, its_utils.__name__: its_utils, **dict.fromkeys(OPTIONAL)}
    try:
        with _set_aside(stand_ins):
            return importlib.import_module("open_clip")
    except (ImportError, AttributeError):
        for name in [name for name in sys.modules if name.partition(".")[0] in ("open_clip", "torchvision")]:
            del sys.modules[name]
        return importlib.import_module("open_clip")


open_clip: Any = _imported()


def with_timm() -> None:
    """Give open_clip timm's image towers, for a configuration that names one."""
    towers = importlib.reload(open_clip.timm_model)
    open_clip.model.TimmModel = towers.TimmModel
