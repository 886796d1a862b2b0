"""Arbitrary study files, settings and command lines: accepted, or refused in one line, and nothing is lost."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import EXAMPLES, SCALARS, TEXTS, VALUES, damaged, damaged_bytes, fuzz
from hypothesis import strategies as st
from results_fixture import make_plan as planned_by_hand
from results_fixture import write_run, write_study

from leo_bench.commands.cli import main
from leo_bench.commands.parser import COMMANDS
from leo_bench.config import Settings, make_settings, planned_tests
from leo_bench.data.locate import GLYPHS
from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan
from leo_bench.running.plan import make_plan, parse_seeds
from leo_bench.search.file import read_search_file

STUDY: dict[str, Any] = {
    "question": "What is a part worth?",
    "baseline": "a",
    "margin": 0.005,
    "preset": "leo",
    "settings": {"image_size": 28, "n_test_episodes": 10},
    "profiles": {"p": {"seeds": [0, 1], "variants": ["a", "b"], "fewer_seeds": {"b": 1}, "settings": {"n_query": 5}}},
    "variants": {
        "a": {"label": "first", "set": {"latent_dim": 32}},
        "b": {"preset": "tuned", "extends": "a", "against": "a", "switch": "inner_steps", "set": {"inner_steps": 3}},
    },
}


def toml(value: Any) -> str:
    """A value in TOML, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(key)} = {toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return text(value) if isinstance(value, str) else json.dumps(value)


def text(value: str) -> str:
    return json.dumps(value.encode("utf-8", "replace").decode()).replace("\x7f", "\\u007f")


def file_of(tables: dict[str, Any]) -> str:
    return "".join(f"{text(key)} = {toml(value)}\n" for key, value in tables.items())


def refused(error: LeoBenchError) -> None:
    """Hold that an error is one line that says something."""
    message = str(error)
    assert message.strip() and "\n" not in message and "Traceback" not in message, message


def plan(studies: Path) -> None:
    """Hold that a study file gives a plan that can be written, or is refused in one line."""
    try:
        found = make_plan(studies, "s", "p", GLYPHS)
    except LeoBenchError as error:
        refused(error)
    else:
        assert Plan.model_validate_json(found.model_dump_json()) == found


def test_the_good_study_file_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(file_of(STUDY), encoding="utf-8")
    assert [(run.variant, run.seed) for run in make_plan(tmp_path, "s", "p", GLYPHS).runs] == [
        ("a", 0),
        ("b", 0),
        ("a", 1),
    ]


@EXAMPLES
def test_a_study_file_is_a_plan_or_one_line(tmp_path: Path, n_examples: int) -> None:
    @fuzz(n_examples, damaged(STUDY))
    def holds(tables: Any) -> None:
        (tmp_path / "s.toml").write_text(file_of(tables), encoding="utf-8")
        plan(tmp_path)


@EXAMPLES
def test_a_damaged_study_file_is_a_plan_or_one_line(tmp_path: Path, n_examples: int) -> None:
    @fuzz(n_examples, damaged_bytes(file_of(STUDY).encode()))
    def holds(data: bytes) -> None:
        (tmp_path / "s.toml").write_bytes(data)
        plan(tmp_path)


SEARCH: dict[str, Any] = {
    "question": "Which settings are best?",
    "preset": "leo",
    "settings": {"image_size": 28},
    "space": {"latent_dim": {"low": 16, "high": 64}, "inner_lr": {"low": 0.01, "high": 1.0, "log": True}},
    "profiles": {"p": {"n_trials": 3, "settings": {"n_train_episodes": 40}}},
}


@EXAMPLES
def test_a_search_file_is_read_or_one_line(tmp_path: Path, n_examples: int) -> None:
    @fuzz(n_examples, damaged(SEARCH))
    def holds(tables: Any) -> None:
        (tmp_path / "s.toml").write_text(file_of({**tables, "space": tables.get("space", {})}), encoding="utf-8")
        try:
            read_search_file(tmp_path, "s")
        except LeoBenchError as error:
            refused(error)


@EXAMPLES
def test_settings_are_a_run_or_one_line(n_examples: int) -> None:
    named = st.dictionaries(st.sampled_from([*Settings.model_fields]), VALUES, max_size=4)
    typed = st.dictionaries(st.one_of(TEXTS, st.sampled_from([*Settings.model_fields])), SCALARS, max_size=2)

    @fuzz(n_examples, st.one_of(named, typed))
    def holds(values: dict[str, Any]) -> None:
        try:
            settings = make_settings(values)
        except LeoBenchError as error:
            refused(error)
            return
        again = json.loads(json.dumps(settings.canonical(), allow_nan=False))
        assert make_settings(again).run_key == settings.run_key
        assert planned_tests(settings)


@EXAMPLES
def test_seeds_are_a_list_or_one_line(n_examples: int) -> None:
    @fuzz(n_examples, st.one_of(TEXTS, st.text("0123456789,- ", max_size=12)))
    def holds(typed: str) -> None:
        try:
            seeds = parse_seeds(typed)
        except LeoBenchError as error:
            refused(error)
        else:
            assert seeds and len(set(seeds)) == len(seeds) and min(seeds) >= 0


WITHOUT_WORK = ("status", "report", "publish", "reproduce", "score", "examples", "study", "search")
"""Commands that end at once on the results below. The others train, download, time or serve."""
OPTIONS = (
    *(
        "--results",
        "--reports",
        "--studies",
        "--profile",
        "--seeds",
        "--only",
        "--jobs",
        "--plan",
        "--compare",
        "--out",
    ),
    *(
        "--all",
        "--levels",
        "--minutes",
        "--json",
        "-n",
        "--key",
        "--set",
        "--partial",
        "--precision",
        "--trials",
        "--x",
    ),
)
WORDS = (
    *OPTIONS,
    "results",
    "results/ablations-cpu",
    "s",
    "p",
    "0",
    "1",
    "0-1",
    "a",
    "~nobody/x",
    "",
    "\x00",
    "é" * 300,
)


def test_every_command_is_in_one_of_two_groups() -> None:
    assert set(WITHOUT_WORK) < set(COMMANDS)
    assert set(COMMANDS) - set(WITHOUT_WORK) == {
        *("data", "run", "dashboard", "bench"),
        *("measure", "publish-model", "classify", "merge"),
    }


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@EXAMPLES
def test_a_command_line_works_or_is_one_line_and_loses_nothing(
    tmp_path: Path, n_examples: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # the report is drawn elsewhere in the tests, and a good --storage would make a database
    monkeypatch.setattr("leo_bench.report.study.page.all_plots", lambda data: {})
    monkeypatch.setenv("LEO_BENCH_OFFLINE", "1")
    made = planned_by_hand({"a": {}}, [0])
    write_run(tmp_path / "results", made, made.runs[0], lambda *_: np.full((12, 6), 5))
    write_study(tmp_path / "results", made)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "s.toml").write_text(file_of(STUDY), encoding="utf-8")
    before = tree(tmp_path / "results" / "runs")

    @fuzz(n_examples, st.sampled_from(WITHOUT_WORK), st.lists(st.one_of(st.sampled_from(WORDS), TEXTS), max_size=5))
    def holds(command: str, arguments: list[str]) -> None:
        only_planned = {"study": ["--plan", "--dataset", "glyphs"], "search": ["--plan", "--dataset", "glyphs"]}
        no_runs = {"reproduce": ["--levels", "0"]}
        line = [command, *only_planned.get(command, no_runs.get(command, [])), *arguments]
        try:
            code = main(line)
        except SystemExit as ended:  # argparse: --help, or a wrong option
            code = int(ended.code or 0)
        said = capsys.readouterr()
        assert code in (0, 1, 2), line
        assert "Traceback" not in said.err + said.out
        if code == 2:
            errors = [one for one in said.err.splitlines() if one.startswith("error: ")]
            assert len(errors) == 1, said.err
        kept = tree(tmp_path / "results" / "runs")
        assert {path: kept.get(path) for path in before} == before
