"""Families: modules that are found by name, which families there are, and what members say without being imported.

    METHODS = Family("method", "cirque.methods", entry="compose", separator="-")
    METHODS.names()  # ['captioning', 'image-only', …]
    METHODS.parameters("searle")  # {'queries': True, 'reference_features': True, …}

A member is a module of the family's package that defines the family's entry at its top level, a function or a
constant; other modules beside it are no members. A member is added by adding its file: nothing else names it. What its
entry reads are its parameters' names, so that a plan can be made of it without importing torch.
"""

import ast
import functools
import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from cirque.errors import CirqueError

PACKAGE = Path(__file__).parent

_loaded: dict[str, None] = {}


def loaded() -> list[str]:
    """Modules that this process found by name, sorted: no import statement names them, a code version must."""
    return sorted(_loaded)


@functools.cache
def _definitions(file: Path) -> dict[str, ast.stmt]:
    """What a module defines at its top level, by name."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            names = [name for target in node.targets for name in getattr(target, "elts", [target])]
            found |= {name.id: node for name in names if isinstance(name, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


@functools.cache
def _members(folder: Path, entry: str, changed: int) -> tuple[str, ...]:
    """Modules of a folder that define an entry, as long as no file has come or gone since `changed`."""
    modules = sorted(file for file in folder.glob("*.py") if file.stem != "__init__")
    return tuple(file.stem for file in modules if entry in _definitions(file))


def signature(file: Path, function: str) -> dict[str, bool]:
    """Parameters of a module's function, in order, read without an import: name → whether it must be given.

    Raises:
        CirqueError: the module has no such function.
    """
    node = _definitions(file).get(function)
    if not isinstance(node, ast.FunctionDef):
        raise CirqueError(f"{file}: defines no function {function}")
    plain = [*node.args.posonlyargs, *node.args.args]
    n_required = len(plain) - len(node.args.defaults)
    found = {argument.arg: place < n_required for place, argument in enumerate(plain)}
    given = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return found | {argument.arg: default is None for argument, default in given}


def fields(file: Path, name: str) -> dict[str, bool]:
    """Fields of a module's dataclass, in order, read without an import: name → whether it must be given.

    Raises:
        CirqueError: the module has no such class.
    """
    node = _definitions(file).get(name)
    if not isinstance(node, ast.ClassDef):
        raise CirqueError(f"{file}: defines no class {name}")
    return {
        line.target.id: line.value is None
        for line in node.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


@dataclass(frozen=True)
class Family:
    """Modules of one package that are found by name.

    Attributes:
        noun: what a member is called in messages.
        package: where they are.
        entry: the function or constant whose definition makes a module a member.
        separator: of the words of a name in the configuration; a module's has `_`.
    """

    noun: str
    package: str
    entry: str
    separator: str = "_"

    @property
    def folder(self) -> Path:
        """Where the members are."""
        return PACKAGE.joinpath(*self.package.split(".")[1:])

    def names(self) -> list[str]:
        """Every member, as the configuration calls it; sorted."""
        members = _members(self.folder, self.entry, self.folder.stat().st_mtime_ns)
        return [name.replace("_", self.separator) for name in members]

    def require(self, name: str) -> None:
        """Refuse a name that no member has.

        Raises:
            CirqueError: lists the names that there are.
        """
        if name not in self.names():
            raise CirqueError(f"no {self.noun} is called {name!r}; there are {', '.join(self.names())}")

    def module(self, name: str) -> str:
        """Full name of a member's module, as an import or a code version takes it.

        Raises:
            CirqueError: there is no such member.
        """
        self.require(name)
        return f"{self.package}.{name.replace(self.separator, '_')}"

    def file(self, name: str) -> Path:
        """The member's file."""
        return self.folder / f"{self.module(name).rpartition('.')[2]}.py"

    def load(self, name: str) -> ModuleType:
        """The member, imported; `loaded` then names it.

        Raises:
            CirqueError: there is no such member.
        """
        module = importlib.import_module(self.module(name))
        _loaded[module.__name__] = None
        return module

    def parameters(self, name: str, function: str | None = None) -> dict[str, bool]:
        """Parameters of the member's entry (or another function of it): name → whether it must be given."""
        return signature(self.file(name), function or self.entry)

    def fields(self, name: str, dataclass_name: str = "Settings") -> dict[str, bool]:
        """Fields of a dataclass of the member: name → whether it must be given."""
        return fields(self.file(name), dataclass_name)

    def literal(self, name: str, what: str, default: Any = None) -> Any:
        """Value of a constant that the member defines by a literal, read without an import; else the default."""
        node = _definitions(self.file(name)).get(what)
        return ast.literal_eval(node.value) if isinstance(node, ast.Assign) else default

    def defines(self, name: str, what: str) -> bool:
        """Whether the member defines something at its top level."""
        return what in _definitions(self.file(name))


#: What people call, and what rules call.
COMMANDS = Family("command", "cirque.commands", entry="main")
STAGES = Family("stage", "cirque.stages", entry="main")

DATASETS = Family("data set", "cirque.datasets", entry="annotation_files")
SUBMISSIONS = Family("test server", "cirque.submissions", entry="FILES")
METHODS = Family("method", "cirque.methods", entry="compose", separator="-")
INVERSIONS = Family("inversion", "cirque.inversion", entry="invert")
FACTS = Family("fact", "cirque.facts", entry="state")
GENERATORS = Family("generator", "cirque.mini.generators", entry="generate")
TRAINERS = Family("trainer", "cirque.trainers", entry="prepare")
PLOTS = Family("plot", "cirque.plots", entry="draw")
PREPROCESSINGS = Family("preprocessing", "cirque.data.preprocessing", entry="apply")
ENCODERS = Family("encoder", "cirque.encoders", entry="build")
COMPOSITIONS = Family("composition", "cirque.compositions", entry="build", separator="-")


#: Of what composers are trained by: its `Shape` and `Settings` are keys of the configuration's trainings.
TRAINED = PACKAGE / "trainers" / "composer.py"


def takes_tokens(encoder: str) -> bool:
    """Whether an encoder has a text tower that takes pseudo tokens: its module then makes CLIP's tokenizer."""
    return ENCODERS.defines(encoder, "tokenizer")


def reads_texts(encoder: str) -> bool:
    """Whether an encoder has a text tower at all."""
    return takes_tokens(encoder) or ENCODERS.defines(encoder, "text_reader")
