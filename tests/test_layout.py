"""Layout: the imports that are allowed, the content of the lock file, and words that project text must not have."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "leo_bench"

LEARNING = {"config", "errors", "registries", "data", "models", "learners", "training"}
"""From settings to a trained model. Knows no record, no recorder and no table."""
REPORTING = {"config", "errors", "registries", "records", "statistics", "figures", "report"}
"""From records to pages. Knows no torch."""

# Each folder of the package and the folders that it may import (itself always). Two lines: commands -> running ->
# training -> learners -> config, and commands -> report -> figures, statistics -> records -> config. They meet in
# files, and in the schema of those files (config, records). `registries` are the lists LEARNERS and DATASETS.
MAY_IMPORT = {
    "errors": set[str](),
    "registries": set[str](),
    "config": {"errors", "registries"},
    "data": {"config", "errors", "registries"},
    "models": {"data", "config", "errors"},
    "learners": {"models", "data", "config", "errors", "registries"},
    "training": {"learners", "models", "data", "config", "errors"},
    "api": {"training", "learners", "models", "data", "config", "errors"},
    "records": {"config", "errors"},
    "statistics": {"records", "config", "errors"},
    "figures": {"statistics", "records", "config", "errors"},
    "report": {"figures", "statistics", "records", "config", "errors", "registries"},
    "running": {"api", "training", "learners", "data", "records", "statistics", "config", "errors", "registries"},
    "search": {"running", "training", "data", "records", "statistics", "config", "errors", "registries"},
    "dashboard": {"search", "running", "records", "config", "errors"},
}
HEAVY = ["torch", "torchvision", "sacred", "optuna", "pandas", "seaborn", "matplotlib"]


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """leo_bench.data.glyphs -> data; leo_bench.data itself, a list of data sets, -> registries."""
    if module in ("leo_bench.data", "leo_bench.learners"):
        return "registries"
    return [*module.split("."), "__init__"][1]


def part_at(path: Path) -> str:
    """Part of the package that the file belongs to."""
    return part_of(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))


def is_module(name: str) -> bool:
    base = ROOT.joinpath(*name.split("."))
    return base.with_suffix(".py").exists() or (base / "__init__.py").exists()


def imports(source: str, module_level_only: bool = False) -> Iterator[str]:
    """Full names of the modules that the source imports. A name that is imported from a package counts as the package,
    a module as itself."""
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
            assert node.level == 0, "relative imports are not used"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if is_module(name) else str(node.module) for name in inner)


@cache
def imports_of(path: Path, module_level_only: bool = False) -> list[str]:
    return list(imports(path.read_text(), module_level_only))


def own_imports(path: Path) -> set[str]:
    """Parts of the package that the file imports, its own left out."""
    return {part_of(name) for name in imports_of(path) if name.split(".")[0] == "leo_bench"} - {part_at(path)}


def test_imports_are_seen_as_they_are() -> None:
    source = (
        "import torch.nn\nfrom leo_bench.data import DATASETS, bank\nfrom leo_bench.records import Plan\n"
        "def f():\n    from leo_bench.models.relation import y\n"
    )
    expected = ["torch.nn", "leo_bench.data", "leo_bench.data.bank", "leo_bench.records"]
    assert list(imports(source, module_level_only=True)) == expected
    assert list(imports(source)) == [*expected, "leo_bench.models.relation"]
    assert [part_of(name) for name in expected[1:]] == ["registries", "data", "records"]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_direction(path: Path) -> None:
    assert own_imports(path) <= MAY_IMPORT.get(part_at(path), own_imports(path))


def opened_as_text(path: Path) -> Iterator[str]:
    """Calls in a file that read or write text in the encoding of the user's locale."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = {keyword.arg for keyword in node.keywords}
        modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        text = name in ("read_text", "write_text") or (name == "open" and not any("b" in mode for mode in modes))
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        unnamed = text and owner not in ("Image", "os", "tarfile") and "encoding" not in given
        if unnamed or (owner == "subprocess" and {"text", "universal_newlines"} & given):
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)[:60]}"


def test_text_is_read_and_written_as_utf_8_in_any_locale() -> None:
    assert [call for path in modules() for call in opened_as_text(path)] == []


def test_every_folder_has_a_place_in_the_direction() -> None:
    parts = {part_at(path) for path in modules()}
    assert parts == {*MAY_IMPORT, "commands", "__init__"}


def test_the_package_has_few_entries_at_its_top() -> None:
    assert len([path for path in PACKAGE.iterdir() if path.name != "__pycache__"]) <= 16


def test_formulas_know_no_records() -> None:
    formulas = [path for path in modules() if path.parent == PACKAGE / "statistics"]
    assert len(formulas) > 5
    assert {part for path in formulas for part in own_imports(path)} <= {"statistics", "errors"}


def test_tests_lie_where_the_package_has_what_they_test() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - {"benchmarks", "examples", "tools"} <= {path.name for path in PACKAGE.iterdir()}


def users(library: str, module_level_only: bool = False) -> set[str]:
    """Modules of the package that import the library, as `part` or `part/module`."""
    return {
        path.relative_to(PACKAGE).with_suffix("").as_posix()
        for path in modules()
        if library in {name.split(".")[0] for name in imports_of(path, module_level_only)}
    }


def parts_of(names: set[str]) -> set[str]:
    return {name.split("/")[0] for name in names}


RUNS_TORCH = (
    *("process", "checkpoint", "recorded_model", "training_run", "test_run", "experiment", "example_episodes"),
    *("measure", "devices"),
)


def test_torch_stays_out_of_the_report_line_and_of_what_plans_and_starts_runs() -> None:
    assert not parts_of(users("torch")) & (REPORTING | {"dashboard", "search"})
    assert {name for name in users("torch") if name.startswith("running/")} == {
        f"running/{name}" for name in RUNS_TORCH
    }
    assert not parts_of(users("torch", module_level_only=True)) & {"commands"}


@pytest.mark.parametrize("library", ["sacred", "optuna", "pandas", "seaborn"])
def test_recorders_and_tables_stay_out_of_the_learning_code(library: str) -> None:
    assert not parts_of(users(library)) & (LEARNING | {"api"})


@pytest.mark.parametrize(
    ("library", "owners"),
    [
        ("sacred", {"running/experiment"}),
        ("optuna", {"search", "dashboard"}),
        ("optuna_dashboard", {"dashboard"}),
        ("ray", {"running/cluster"}),
    ],
)
def test_each_engine_has_its_owners(library: str, owners: set[str]) -> None:
    found = users(library)
    assert found <= owners or parts_of(found) <= owners


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
    parts = ["config", "records", "statistics", "figures", "report", "running.scheduler", "running.publish"]
    parts += ["statistics.studies.differences", "statistics.claims.judged"]
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


def requirements(name: str = "requirements.lock") -> list[str]:
    """The requirements of a lock file, each with its continuation lines joined."""
    lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize(("name", "least"), [("requirements.lock", 50), ("requirements-ray.lock", 10)])
def test_lock_names_exact_versions_with_hashes_and_no_address(name: str, least: int) -> None:
    assert len(requirements(name)) > least
    for line in requirements(name):
        assert re.match(r"[A-Za-z0-9._-]+==[^ ;]+ ", line), line[:60]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line[:60]
    assert not re.search(r"://|file:|-i |index-url|find-links", (ROOT / name).read_text())


def test_the_extra_has_a_lock_of_its_own_that_shares_no_package_with_the_other() -> None:
    first, second = (
        {line.split("==")[0] for line in requirements(name)} for name in ("requirements.lock", "requirements-ray.lock")
    )
    assert "ray" in second and not first & second


def test_lock_keeps_what_sacred_needs() -> None:
    versions = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", "\n".join(requirements()), flags=re.MULTILINE))
    assert versions["sacred"] == "0.8.7"
    assert 77 <= int(versions["setuptools"].split(".")[0]) < 82


def test_the_docs_have_the_tables_of_settings() -> None:
    from leo_bench.config.explain import settings_tables

    text = (ROOT / "docs/leo.md").read_text()
    begin, end = "<!-- begin settings -->\n", "\n<!-- end settings -->"
    assert text.count(begin) == 1
    assert text.partition(begin)[2].partition(end)[0].strip() == settings_tables(), "make docs brings them up to date"


def test_tests_that_the_docs_name_exist() -> None:
    named = [
        name for page in sorted(ROOT.glob("docs/*.md")) for name in re.findall(r"`(tests/[^`]+)`", page.read_text())
    ]
    assert named
    for name in named:
        path, _, function = name.partition("::")
        assert (ROOT / path).is_file(), name
        assert f"def {function}(" in (ROOT / path).read_text() if function else True, name


def test_code_that_the_page_on_extending_shows_is_that_of_the_package() -> None:
    text = (ROOT / "docs/extending.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip() not in ("", "...")]
    code = "\n".join(path.read_text() for path in sorted((ROOT / "leo_bench").rglob("*.py")))
    assert len(lines) > 15
    assert [line for line in lines if line.removeprefix("(").removesuffix(",)") not in code] == []


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
