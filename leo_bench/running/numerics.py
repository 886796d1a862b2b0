"""Numerics digest: hash of the source that decides the numbers of a run. No torch.

The modules are the learner, ROOTS, and everything that these import, except EXEMPT. How a data set is read does not
count, because every record has a digest of the drawings themselves.
"""

import ast
import hashlib
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
)
"""Modules that decide the numbers of every run."""

EXEMPT = ("config", "errors", "learners", "data", "data.drawings", "data.locate", "training.troubleshooting")
"""Modules left out: they hold settings, names, messages and errors, or read data."""


def numerics_digest(learner: str, dataset: str) -> str:
    """Return 12 hexadecimal digits of SHA-256 over the parsed source behind the numbers of one learner.

    Comments, layout and docstrings do not count. The names of the modules do, and so do the committed validation
    alphabets of the data set.
    """
    names = closure([*ROOTS, "learners." + LEARNERS[learner].builder.split(":")[0]])
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\0{_bare(_path(name))}\0".encode())
    alphabets = PACKAGE / "data" / "splits" / f"{dataset}_lake_val.txt"
    if alphabets.exists():
        digest.update(f"{alphabets.name}\0{alphabets.read_text(encoding='utf-8')}\0".encode())
    return digest.hexdigest()[:12]


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
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "leo_bench":
            base = node.module.split(".")[1:]
            for alias in node.names:
                inner = ".".join([*base, alias.name])  # a module, or a name in one
                names.append(inner if _path(inner).exists() else ".".join(base))
        elif isinstance(node, ast.Import):
            names += [a.name.removeprefix("leo_bench.") for a in node.names if a.name.startswith("leo_bench.")]
    return tuple(name for name in names if name)


@cache
def _bare(path: Path) -> str:
    """Return the source of a file without comments, layout and bare strings such as docstrings.

    It is unparsed, because the dump of a syntax tree differs between Python versions.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
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
    return ast.unparse(tree)
