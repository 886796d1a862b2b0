"""Numerics digest: hash of the source that decides the numbers of a run. No torch.

The modules are the learner, its trainer, ROOTS, and everything that these import, except EXEMPT. Of the settings, what
they derive from each other counts. How a data set is read does not count, because every record has a digest of the
drawings themselves.
"""

import ast
import hashlib
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from leo_bench.learners import LEARNERS

PACKAGE = Path(__file__).resolve().parents[1]

ROOTS = (
    "training.outer_loop",
    "training.evaluate",
    "data.bank",
    "data.episodes",
    "data.splits",
    "data.augment",
    "data.seeding",
    "running.checkpoint",
    "running.process",
)
"""Modules that decide the numbers of every run."""

EXEMPT = (
    *("config", "errors", "learners", "data", "data.drawings", "data.locate", "training.troubleshooting"),
    *("records", "running.provenance"),
)
"""Modules left out: they hold settings, names, messages and errors, read data, or write records."""

MEASURES = "training.measures.compute"
"""Module that computes the measures of trained models (leo-bench measure)."""

SETTINGS = "config.settings"
"""Module of the settings. Its properties count: they derive what training reads."""


@cache
def numerics_digest(learner: str, dataset: str) -> str:
    """Return 12 hexadecimal digits of SHA-256 over the parsed source behind the numbers of one learner.

    Comments, layout and docstrings do not count. The names of the modules do, and so do the committed validation
    alphabets of the data set. A process reads the source once: what it has imported does not change either.
    """
    entry = LEARNERS[learner]
    names = closure([*ROOTS, "learners." + entry.builder.split(":")[0], "training." + entry.trainer])
    digest = _source_digest(names)
    alphabets = PACKAGE / "data" / "splits" / f"{dataset}_lake_val.txt"
    if alphabets.exists():
        digest.update(f"{alphabets.name}\0{alphabets.read_text(encoding='utf-8')}\0".encode())
    return digest.hexdigest()[:12]


def measures_numerics() -> str:
    """Return 12 hexadecimal digits of SHA-256 over the parsed source behind the measures of trained models."""
    return _source_digest(closure([MEASURES])).hexdigest()[:12]


def _source_digest(names: list[str]) -> "hashlib._Hash":
    """Return the digest of the parsed source of these modules and of what settings derive from each other."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\0{bare_source(_path(name).read_text(encoding='utf-8'))}\0".encode())
    for derived in properties(_path(SETTINGS).read_text(encoding="utf-8")):
        digest.update(f"{SETTINGS}\0{dump(derived)}\0".encode())
    return digest


def closure(roots: list[str]) -> list[str]:
    """Return the modules that the roots reach by imports, with the roots and without EXEMPT, sorted."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found or name in EXEMPT or name.startswith("config."):
            continue
        found.add(name)
        waiting += _imports(_path(name))
    return sorted(found)


def _path(name: str) -> Path:
    """Return the file of a module. name: dotted name below leo_bench."""
    base = PACKAGE.joinpath(*name.split("."))
    return base.with_suffix(".py") if base.with_suffix(".py").exists() else base / "__init__.py"


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Return the modules of leo_bench that a file imports anywhere, as dotted names below leo_bench."""
    names = []
    for node in _statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "leo_bench":
            base = node.module.split(".")[1:]
            for alias in node.names:
                inner = ".".join([*base, alias.name])  # a module, or a name in one
                names.append(inner if _path(inner).exists() else ".".join(base))
        elif isinstance(node, ast.Import):
            names += [a.name.removeprefix("leo_bench.") for a in node.names if a.name.startswith("leo_bench.")]
    return tuple(name for name in names if name)


@cache
def bare_source(text: str) -> str:
    """Return the syntax tree of source text, dumped without bare strings such as docstrings."""
    return dump(_without_bare_strings(ast.parse(text)))


def properties(text: str) -> list[ast.FunctionDef]:
    """Return the functions in source text that are decorated with @property, without bare strings."""
    return [
        node
        for node in _statements(_without_bare_strings(ast.parse(text)))
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(by, ast.Name) and by.id == "property" for by in node.decorator_list)
    ]


def dump(node: object) -> str:
    """Return a syntax tree as text that is the same for every Python version from 3.11 on.

    Python's own dump and unparse are not: the dump of an empty field and the quotes in an f-string differ. Fields that
    are empty are left out, so that a field that a later version adds changes nothing.
    """
    if isinstance(node, ast.AST):
        fields = [f"{name}={dump(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])]
        return f"{type(node).__name__}({','.join(fields)})"
    return f"[{','.join(map(dump, node))}]" if isinstance(node, list) else ascii(node)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield a module, all statements in it, and their clauses. Expressions, most of a tree, are left out."""
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, field, None)
            waiting.extend(inner if isinstance(inner, list) else [])


def _without_bare_strings(tree: ast.Module) -> ast.Module:
    for node in _statements(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]
                statement
                for statement in body
                if not (
                    isinstance(statement, ast.Expr)
                    and isinstance(statement.value, ast.Constant)
                    and isinstance(statement.value.value, str)
                )
            ]
    return tree
