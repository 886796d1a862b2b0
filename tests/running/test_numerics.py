"""Digest of the source behind the numbers of a run: changes that count and changes that do not."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from leo_bench.data import DATASETS
from leo_bench.learners import LEARNERS
from leo_bench.running import numerics

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a copy of the package whose files a test may change."""
    copy = tmp_path / "leo_bench"
    shutil.copytree(numerics.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "templates"))
    monkeypatch.setattr(numerics, "PACKAGE", copy)
    yield copy
    numerics.numerics_digest.cache_clear()


def digests() -> dict[str, str]:
    """Return the digest of every learner, from the files as they are now."""
    numerics._imports.cache_clear()
    numerics.numerics_digest.cache_clear()
    return {name: numerics.numerics_digest(name, "omniglot") for name in LEARNERS}


def changed(file: Path, old: str, new: str) -> set[str]:
    """Return the learners whose digest changes with a file."""
    before, text = digests(), file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    after = digests()
    return {name for name in before if before[name] != after[name]}


def test_an_empty_new_learner_or_data_set_changes_no_digest(package: Path) -> None:
    before = digests()
    (package / "learners" / "new.py").touch()
    (package / "data" / "new.py").touch()
    (package / "data" / "splits" / "new_lake_val.txt").write_text("Alphabet")
    for registry, line in (("learners", "LEARNERS = {"), ("data", "DATASETS = {")):
        file = package / registry / "__init__.py"
        file.write_text(file.read_text().replace(line, line + "  # one more"))
    assert digests() == before


def test_the_relation_network_counts_for_leo_alone(package: Path) -> None:
    assert changed(
        package / "models" / "relation.py", "return self.fc2(self.pairs(codes).mean(2))", "return codes"
    ) == {"leo"}


@pytest.mark.parametrize("module", ["training/outer_loop", "training/evaluate", "data/episodes", "data/seeding"])
def test_training_evaluation_episodes_and_seeding_count_for_all(package: Path, module: str) -> None:
    file = package / f"{module}.py"
    assert changed(file, "\nimport ", "\nONE_MORE = 1\nimport ") == set(LEARNERS)


def test_a_learner_counts_for_itself_and_those_that_build_on_it(package: Path) -> None:
    file = package / "learners" / "protonet.py"
    assert changed(file, "\nclass ProtoNet", "\nONE_MORE = 1\n\n\nclass ProtoNet") == {
        "protonet",
        "nearest_neighbour",
        "pretrained",
    }


def test_a_trainer_counts_for_the_learners_that_name_it(package: Path) -> None:
    file = package / "training" / "pretraining.py"
    assert changed(file, "\nclass Classifier", "\nONE_MORE = 1\n\n\nclass Classifier") == {"pretrained"}


@pytest.mark.parametrize(
    "module",
    [
        "config/settings",
        "config/presets",
        "errors",
        "training/troubleshooting",
        "data/omniglot",
        "running/scheduler",
        "report/__init__",
    ],
)
def test_settings_words_reading_and_reports_do_not_count(package: Path, module: str) -> None:
    file = package / f"{module}.py"
    before = digests()
    file.write_text(file.read_text() + "\nONE_MORE = 1\n")
    assert digests() == before


def test_what_settings_derive_counts(package: Path) -> None:
    assert changed(package / "config" / "settings.py", "return self.n_query if", "return 5 if") == set(LEARNERS)


@pytest.mark.parametrize("module", ["running/process", "running/checkpoint"])
def test_determinism_and_the_trained_model_count(package: Path, module: str) -> None:
    assert changed(package / f"{module}.py", "\nimport torch", "\nONE_MORE = 1\nimport torch") == set(LEARNERS)


def test_an_import_counts_wherever_a_statement_can_stand(tmp_path: Path) -> None:
    text = """
if a:
    import leo_bench.in_if
elif b:
    import leo_bench.in_elif
for c in d:
    pass
else:
    import leo_bench.in_else
with e:
    import leo_bench.in_with
try:
    import leo_bench.in_try
except f:
    import leo_bench.in_except
finally:
    import leo_bench.in_finally
match g:
    case h:
        import leo_bench.in_case
class I:
    async def j(self):
        import leo_bench.in_method
"""
    (tmp_path / "module.py").write_text(text)
    places = "if elif else with try except finally case method".split()
    assert sorted(numerics._imports(tmp_path / "module.py")) == sorted(f"in_{place}" for place in places)


def test_the_dump_is_the_syntax_tree_by_hand() -> None:
    # Quotes in an f-string are what Python versions unparse in different ways.
    snippet = """def f(x: int = 0) -> str:\n    return f"{x!r:>{2}} of {name('a')}" if x else "b"\n"""
    x, name = "Name(id='x',ctx=Load())", "Name(id='name',ctx=Load())"
    spec = "JoinedStr(values=[Constant(value='>'),FormattedValue(value=Constant(value=2),conversion=-1)])"
    parts = [
        f"FormattedValue(value={x},conversion=114,format_spec={spec})",
        "Constant(value=' of ')",
        f"FormattedValue(value=Call(func={name},args=[Constant(value='a')]),conversion=-1)",
    ]
    branch = f"IfExp(test={x},body=JoinedStr(values=[{','.join(parts)}]),orelse=Constant(value='b'))"
    args = "arguments(args=[arg(arg='x',annotation=Name(id='int',ctx=Load()))],defaults=[Constant(value=0)])"
    function = f"FunctionDef(name='f',args={args},body=[Return(value={branch})],returns=Name(id='str',ctx=Load()))"
    assert numerics.bare_source(snippet) == f"Module(body=[{function}])"


@pytest.mark.parametrize("python", ["python3.11", "python3.12", "python3.13"])
def test_every_python_has_the_same_digest(python: str) -> None:
    command = "from leo_bench.running.numerics import numerics_digest as d; print(d('leo', 'omniglot'))"
    found = subprocess.run([python, "-c", command], cwd=ROOT, capture_output=True, text=True) if which(python) else None
    if found is None or found.returncode:
        pytest.skip(f"{python} cannot run here")
    assert found.stdout.strip() == numerics.numerics_digest("leo", "omniglot")


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("    return 1", "    return 1  # one", True),
        ('"""Doc."""', '"""Other words."""', True),
        ("    return 1", '    """Doc of f."""\n    return 1', True),
        ("    return 1", "    return (\n        1)", True),
        ("    return 1", "    return 2", False),
    ],
)
def test_only_what_is_computed_counts(package: Path, old: str, new: str, same: bool) -> None:
    (package / "models" / "stem.py").write_text('"""Doc."""\n\n\ndef f() -> int:\n    return 1\n')
    assert (changed(package / "models" / "stem.py", old, new) == set()) is same


def test_a_renamed_module_that_computes_the_same_is_another_digest(package: Path) -> None:
    before = digests()
    (package / "models" / "stem.py").rename(package / "models" / "entry.py")
    for file in package.rglob("*.py"):
        file.write_text(file.read_text().replace("models.stem", "models.entry"))
    after = digests()
    assert all(after[name] != before[name] for name in ("leo", "protonet"))


def test_validation_alphabets_count(package: Path) -> None:
    file = package / "data" / "splits" / "omniglot_lake_val.txt"
    assert changed(
        file, "Greek" if "Greek" in file.read_text() else file.read_text().splitlines()[-1], "Klingon"
    ) == set(LEARNERS)


DECIDE_NO_NUMBER = {
    # settings (all of leo_bench.config), registries, errors and words
    *("config", "data", "learners", "errors", "training.troubleshooting"),
    # where the drawings are and in which form; each record has a digest of the drawings themselves
    *("data.locate", "data.drawings"),
    # records and their folders, and the processes that write them
    *("records", "records.arrays", "records.claims", "records.files", "records.measures", "records.names"),
    *("records.schema", "records.schema_1", "records.state", "records.test_files", "records.text", "records.view"),
    *("running.attempts", "running.child_processes", "running.provenance"),
    # call what decides the numbers, and put it into records; a resumed training has the bits of one that is not
    *("running.training_run", "running.test_run", "running.training_checkpoint"),
    # what an episode costs, in operations and in time: neither training nor scores read it
    *("training.flops", "training.answering_once"),
    # hands queries over one at a time, in tests whose key says so; another way to do it would be another value of the
    # setting
    "training.answering_alone",
}


@pytest.mark.parametrize("name", LEARNERS)
def test_every_module_that_a_run_reaches_decides_numbers_or_is_exempt_by_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = LEARNERS[name]
    modules = ["learners." + entry.builder.split(":")[0], f"training.{entry.trainer}"]
    decide = set(numerics.closure([*numerics.ROOTS, *modules]))
    assert {part.split(".")[0] for part in decide} <= {"data", "models", "learners", "training", "running"}
    assert not decide & {f"data.{entry.module}" for entry in DATASETS.values()}
    assert set(numerics.EXEMPT) <= DECIDE_NO_NUMBER
    monkeypatch.setattr(numerics, "EXEMPT", ())
    reached = set(numerics.closure(["running.training_run", "running.test_run", *modules]))
    assert reached - decide == DECIDE_NO_NUMBER
    assert decide <= reached  # nothing counts that no run uses


def test_measures_count_for_no_learner_and_have_a_digest_of_their_own(package: Path) -> None:
    for module in ("compute", "observe", "updates"):
        file = package / "training" / "measures" / f"{module}.py"
        before = numerics.measures_numerics()
        assert changed(file, "\nimport ", "\nONE_MORE = 1\nimport ") == set()
        assert numerics.measures_numerics() != before
    before = numerics.measures_numerics()
    file = package / "training" / "measures" / "descriptions.py"
    file.write_text(file.read_text().replace("Fraction", "Share"))
    assert numerics.measures_numerics() == before
