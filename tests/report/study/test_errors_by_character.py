"""Counts by character: read back as recorded, refused where they disagree, and ranked as worked by hand."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.records import load_study
from leo_bench.report import write_report
from leo_bench.report.study.errors_by_character import (
    character_counts,
    character_table,
    error_rates,
)
from leo_bench.statistics.studies.pairs import VariantScores
from leo_bench.statistics.studies.study import StudyData, load_study_data

CELL = (5, "mixed")
MISSED = {
    ("leo", 0): {"Alpha/character01": 1, "Alpha/character02": 30, "Beta_Two/character01": 60},
    ("leo", 1): {"Alpha/character01": 2, "Alpha/character02": 20, "Beta_Two/character01": 70},
    ("none", 0): {"Alpha/character01": 60, "Alpha/character02": 30, "Beta_Two/character01": 1},
    ("none", 1): {"Alpha/character01": 1, "Alpha/character02": 3, "Beta_Two/character01": 9},
}
"""Wrong answers of 300 queries about each of three characters: 12 episodes of 5 classes with 15 queries."""


def answers(variant: str, seed: int, n_way: int, mode: str) -> np.ndarray:
    """Correct answers of 12 episodes that add up to what MISSED leaves, before and after adaptation."""
    right = 900 - sum(MISSED[variant, seed].values())
    after = np.full(12, right // 12) + (np.arange(12) < right % 12)
    return np.stack([after - 1, after], axis=1)


def by_character(variant: str, seed: int, correct: np.ndarray, n_queries: int) -> dict[str, tuple[int, int]]:
    return {"Never/character09": (0, 0)} | {name: (300, 300 - k) for name, k in MISSED[variant, seed].items()}


def build(results: Path, characters: Any = by_character) -> StudyData:
    base = {"test_n_ways": (5,), "test_modes": ("mixed",), "inner_steps": 1}
    plan = make_plan({"leo": {}, "none": {"relation": "none"}}, (0, 1), base=base)
    for run in plan.runs:
        write_run(results, plan, run, answers, characters)
    return load_study_data(write_study(results, plan))


def test_counts_are_read_back_without_what_was_never_asked(tmp_path: Path) -> None:
    run, test = VariantScores(build(tmp_path), CELL, "leo").recorded(1)
    recorded = run.by_character(test)
    assert recorded is not None
    names, counts = recorded
    assert names.tolist() == [b"Alpha/character01", b"Alpha/character02", b"Beta_Two/character01"]
    assert counts.tolist() == [[300, 298], [300, 280], [300, 230]]


@pytest.mark.usefixtures("no_drawing")
def test_runs_without_counts_have_none_and_the_report_says_so(tmp_path: Path) -> None:
    data = build(tmp_path / "results", None)
    run, test = VariantScores(data, CELL, "leo").recorded(0)
    assert run.by_character(test) is None
    assert character_table(data) is None
    page = write_report(tmp_path / "results/ablations-cpu", tmp_path / "report")
    assert all("no counts by character" in text for text in (page.read_text(), page.with_suffix(".md").read_text()))


def one_more_correct(arrays: dict[str, np.ndarray]) -> None:
    arrays["by_character"][1, 1] += 1


def one_less_asked(arrays: dict[str, np.ndarray]) -> None:
    arrays["by_character"][1, 0] -= 1


def more_correct_than_asked(arrays: dict[str, np.ndarray]) -> None:
    correct = arrays["by_character"][:, 1]
    correct[0], correct[1] = correct[0] + 2, correct[1] - 2


def a_name_too_few(arrays: dict[str, np.ndarray]) -> None:
    arrays["characters"] = arrays["characters"][1:]


def no_alphabet(arrays: dict[str, np.ndarray]) -> None:
    arrays["characters"][0] = b"nameless"


def no_names(arrays: dict[str, np.ndarray]) -> None:
    del arrays["characters"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (one_more_correct, "have 810 correct of 900 queries, by episode 809 of 900"),
        (one_less_asked, "have 809 correct of 899 queries, by episode 809 of 900"),
        (more_correct_than_asked, "have 809 correct of 900 queries, by episode 809 of 900"),
        (a_name_too_few, "do not fit 3 names"),
        (no_alphabet, "do not fit 4 names"),
        (no_names, "without the names of the characters"),
    ],
)
def test_counts_that_disagree_make_the_run_corrupt(
    tmp_path: Path, damage: Callable[[dict[str, np.ndarray]], None], words: str
) -> None:
    folder = build(tmp_path).runs["leo", 0].folder
    (counted,) = (folder / "tests").glob("*/episodes.npz")
    with np.load(counted) as file:
        arrays = {name: file[name] for name in file}
    damage(arrays)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    counted.write_bytes(buffer.getvalue())
    (broken,) = [run for run in load_study(tmp_path / "ablations-cpu").runs if run.status == "corrupt"]
    assert broken.folder == folder and words in broken.message


def test_hardest_are_ranked_over_seeds_with_their_share_of_errors(tmp_path: Path) -> None:
    rows = character_counts(build(tmp_path))
    characters = error_rates(rows, "character")
    assert characters["character"].tolist() == ["Beta Two 01", "Alpha 02", "Alpha 01"]
    assert characters["asked"].tolist() == [600, 600, 600]
    assert characters["error"].tolist() == pytest.approx([130 / 600, 50 / 600, 3 / 600])
    assert characters["share"].tolist() == pytest.approx([130 / 183, 50 / 183, 3 / 183])
    alphabets = error_rates(rows, "alphabet").set_index("alphabet")
    assert alphabets.loc["Alpha", "error"] == pytest.approx(53 / 1200)
    assert list(alphabets.index) == ["Beta Two", "Alpha"]


def test_the_table_has_alphabets_and_then_characters(tmp_path: Path) -> None:
    table = character_table(build(tmp_path))
    assert table is not None
    assert table.words.values.tolist()[1:3] == [
        ["Alpha", "alphabet", "1,200", "4.4", "29.0"],  # 53 of 1,200, and 53 of 183
        ["Beta Two 01", "character", "600", "21.7", "71.0"],
    ]
    assert len(table.numbers) == 5


@pytest.mark.usefixtures("no_drawing")
def test_the_report_shows_them_by_readable_names(tmp_path: Path) -> None:
    build(tmp_path / "results")
    page = write_report(tmp_path / "results/ablations-cpu", tmp_path / "report").read_text()
    assert ">Beta Two 01</th>" in page
    assert (tmp_path / "report/tables/hardest.csv").is_file()
