"""Who may import whom, what the lock file may hold, and what project text must not say."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "leo_bench"

# Each part of the package and the parts that it may import (itself always). Two lines: from cli down to the numbers,
# and from cli down to the records. They meet in files, and in the schema of those files (config, records).
MAY_IMPORT = {
    "errors": set[str](),
    "seeding": set[str](),
    "config": {"errors"},
    "provenance": {"errors"},
    "records": {"config", "errors"},
    "trials": {"records", "config", "errors"},
    "boards": {"trials", "records", "config", "errors"},
    "mirror": {"boards", "trials", "errors"},
    "dashboard": {"mirror", "boards", "trials", "records", "processes", "errors"},
    "stats": {"records", "config", "errors"},
    "aggregate": {"stats", "errors"},
    "figures": {"aggregate", "stats", "records", "config", "errors"},
    "report": {"figures", "aggregate", "stats", "trials", "records", "config", "errors"},
    "data": {"config", "seeding", "errors"},
    "models": {"config", "seeding", "errors"},
    "inner_loop": set[str](),
}
HEAVY = ["torch", "torchvision", "sacred", "optuna", "pandas", "seaborn", "matplotlib"]


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """leo_bench.data.glyphs -> data; leo_bench -> __init__."""
    return [*module.split("."), "__init__"][1]


def part_at(path: Path) -> str:
    """Part of the package that the file belongs to."""
    return part_of(".".join(path.relative_to(ROOT).with_suffix("").parts))


def imports(source: str, package: list[str], module_level_only: bool = False) -> Iterator[str]:
    """Full names of the modules that the source, a module of package, imports; relative imports are resolved."""
    tree = ast.parse(source)
    inside_functions = {
        inner
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if module_level_only and node in inside_functions:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            # "from leo_bench import stats" imports a part, "from leo_bench.statistics import x" a name
            yield from ([f"{module}.{alias.name}" for alias in node.names] if module == "leo_bench" else [module])


@cache
def imports_of(path: Path, module_level_only: bool = False) -> list[str]:
    return list(imports(path.read_text(), list(path.relative_to(ROOT).parts[:-1]), module_level_only))


def own_imports(path: Path) -> set[str]:
    """Parts of the package that the file imports, its own left out."""
    names = imports_of(path)
    return {part_of(name) for name in names if name.split(".")[0] == "leo_bench"} - {part_at(path)}


def test_imports_are_seen_as_they_are() -> None:
    source = "import torch.nn\nfrom . import stats\nfrom .stats import x\ndef f():\n    from leo_bench.data import y\n"
    expected = ["torch.nn", "leo_bench.statistics", "leo_bench.statistics"]
    assert list(imports(source, ["leo_bench"], module_level_only=True)) == expected
    assert list(imports(source, ["leo_bench"])) == [*expected, "leo_bench.data"]
    assert list(imports("from ..config import x", ["leo_bench", "models"])) == ["leo_bench.config"]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_direction(path: Path) -> None:
    assert own_imports(path) <= MAY_IMPORT.get(part_at(path), own_imports(path))


REPORT_HALF = {"report", "figures", "aggregate", "stats"}


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (
            {"learners", "train", "evaluate", "leo_api"},
            {"experiment", "study", "search", "cluster", "examples", "commands", "cli"} | REPORT_HALF,
        ),
        ({"experiment"}, {"study", "search", "cluster", "examples", "commands", "cli"} | REPORT_HALF),
        # examples of a run need both its trained model and a page
        ({"examples"}, {"study", "search", "cluster", "commands", "cli"}),
        # a plan says the smallest effect that it can detect: stats is arithmetic that both halves may use
        (
            {"study", "plan", "publish", "search", "cluster", "refresh", "reproduce"},
            {"examples", "commands", "cli", "report", "figures"},
        ),
    ],
)
def test_nothing_looks_up_or_across(low: set[str], high: set[str]) -> None:
    for path in modules():
        if part_at(path) in low:
            assert not own_imports(path) & high, path


def users(library: str, module_level_only: bool = False) -> set[str]:
    """Parts of the package that import the library."""
    return {
        part_at(path)
        for path in modules()
        if library in {name.split(".")[0] for name in imports_of(path, module_level_only)}
    }


def test_torch_stays_out_of_the_report_line() -> None:
    light = {"records", "config", "errors", "seeding", "provenance", "plan", "study", "publish", "refresh", "reproduce"}
    light |= {"trials", "boards", "mirror", "dashboard"}
    assert not users("torch") & (light | REPORT_HALF)
    assert "cli" not in users("torch", module_level_only=True)


@pytest.mark.parametrize("library", ["sacred", "optuna", "pandas", "seaborn"])
def test_recorders_and_tables_stay_out_of_the_learning_code(library: str) -> None:
    learning = {"seeding", "config", "data", "models", "learners", "inner_loop", "train", "evaluate", "leo_api"}
    assert not users(library) & learning


@pytest.mark.parametrize(
    ("library", "owners"),
    [
        ("sacred", {"experiment"}),
        ("optuna", {"search", "mirror"}),
        ("optuna_dashboard", {"mirror", "dashboard"}),
        ("ray", {"cluster"}),
    ],
)
def test_each_engine_has_its_owners(library: str, owners: set[str]) -> None:
    assert users(library) <= owners


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


BAR = """
import sys
class Bar:
    def find_spec(self, name, path=None, target=None):
        if name in {barred}:
            raise ImportError(f"{{name}} must not be imported here")
sys.meta_path.insert(0, Bar())
"""


def test_report_line_runs_where_torch_cannot_be_imported() -> None:
    parts = ["config", "records", "stats", "figures", "report"]
    code = BAR.format(barred=["torch", "torchvision", "sacred", "optuna"])
    result = run_python(f"{code}import leo_bench.{', leo_bench.'.join(parts)}")
    assert result.returncode == 0, result.stderr
    assert "must not be imported here" in run_python(f"{code}import torch").stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom leo_bench.commands.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('heavy:', sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    result = run_python(code)
    assert result.returncode == 0, result.stderr
    assert "usage: leo-bench" in result.stdout
    assert result.stdout.endswith("heavy: []\n")


def test_package_imports_nothing_heavy() -> None:
    result = run_python(f"import sys, leo_bench; print(sorted(set({HEAVY!r}) & set(sys.modules)))")
    assert result.stdout == "[]\n", result.stderr


def requirements() -> list[str]:
    """The lock file's requirements, each with its continuation lines joined."""
    lines = (ROOT / "requirements.lock").read_text().replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def test_lock_names_exact_versions_with_hashes_and_no_address() -> None:
    assert len(requirements()) > 50
    for line in requirements():
        assert re.match(r"[A-Za-z0-9._-]+==[^ ;]+ ", line), line[:60]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line[:60]
    assert not re.search(r"://|file:|-i |index-url|find-links", (ROOT / "requirements.lock").read_text())


def test_lock_keeps_what_sacred_needs() -> None:
    versions = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", "\n".join(requirements()), flags=re.MULTILINE))
    assert versions["sacred"] == "0.8.7"
    assert 77 <= int(versions["setuptools"].split(".")[0]) < 82


def test_every_setting_is_explained() -> None:
    from leo_bench.config import PRESETS, Settings

    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", (ROOT / "docs/leo.md").read_text(), flags=re.MULTILINE)
    explained = {name: default.replace("`", "") for name, default in rows}
    assert set(PRESETS) <= set(explained)
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    plain = {
        name: value if isinstance(value, str) else re.sub(r'[\[\]"]', "", json.dumps(value))
        for name, value in defaults.items()
    }
    assert {name: explained.get(name) for name in plain} == plain


def test_tests_that_the_docs_name_exist() -> None:
    named = [
        name for page in sorted(ROOT.glob("docs/*.md")) for name in re.findall(r"`(tests/[^`]+)`", page.read_text())
    ]
    assert named
    for name in named:
        path, _, function = name.partition("::")
        assert (ROOT / path).is_file(), name
        assert f"def {function}(" in (ROOT / path).read_text() if function else True, name


def project_files() -> list[Path]:
    """Files of the project: what git tracks, and what it would track."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        pytest.skip("not a git checkout: its files cannot be told from local ones")
    return [path for name in sorted(filter(None, result.stdout.split("\0"))) if (path := ROOT / name).is_file()]


def test_project_text_names_no_machine_of_ours() -> None:
    # Letters in brackets keep this line from finding itself.
    machine_path = re.compile(r"(?<![\w.~}\])-])/(h[o]me|r[o]ot|U[s]ers|w[o]rk|f[a]rm|t[m]p)/\w")
    registry = re.compile(r"https?://[^\s]*/(s[i]mple|p[a]ckages)/")
    found = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or an archive
        for number, line in enumerate(text.splitlines(), 1):
            if machine_path.search(line) or registry.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []
