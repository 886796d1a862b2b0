"""The examples page: numbers worked by hand, marks on the right drawings, bytes that stay."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from results_fixture import make_plan, write_run

from leo_bench.records import Result, read_record
from leo_bench.records.example import Example, class_name, movement
from leo_bench.report.examples import write_example_page
from leo_bench.report.examples.code_paths import code_paths, label_offsets
from leo_bench.report.examples.drawing_grids import LABEL, episode_grid, grid_size
from leo_bench.report.examples.panels import project
from leo_bench.report.examples.sentences import answer_words, chosen_words, movement_words
from leo_bench.report.examples.tables import class_table, step_table

# Two classes, codes of two numbers, two inner steps. Class A goes 3 right, then 4 up: 5 from its start. B stays.
CODES = np.array([[[0, 0], [0, 10]], [[3, 0], [0, 10]], [[3, 4], [0, 10]]], dtype=float)


def example(**changes: Any) -> Example:
    """Three queries a class. Before adaptation those of A are taken for A, A, B and those of B for A, B, B; after it,
    A, A, A and A, A, B."""
    given: dict[str, Any] = {
        "which": "hardest",
        "index": 7,
        "characters": ["Greek/character01", "Greek/character02"],
        "support": np.full((2, 1, 4, 4), 255, np.uint8),
        "query": np.zeros((2, 3, 4, 4), np.uint8),
        "steps": [0, 1, 2],
        "predicted": np.array([[[0, 0, 1], [0, 1, 1]], [[0, 0, 0], [0, 1, 1]], [[0, 0, 0], [0, 0, 1]]]),
        "codes": CODES,
    }
    return Example(**{**given, **changes})


def test_correct_answers_and_mistakes() -> None:
    assert example().correct.tolist() == [4, 5, 4]
    assert example().mistakes(0) == {}
    assert example().mistakes(1) == {"A": 2}
    three = example(
        characters=["a/1", "a/2", "a/3"], predicted=np.array([[[1, 2, 2], [1, 1, 1], [0, 1, 2]]]), steps=[0], codes=None
    )
    assert list(three.mistakes(0).items()) == [("C", 2), ("B", 1)]
    assert list(three.mistakes(2).items()) == [("A", 1), ("B", 1)]


def test_classes_are_named_by_letters_that_never_repeat() -> None:
    names = [class_name(index) for index in range(60)]
    assert names[:2] == ["A", "B"] and names[25:28] == ["Z", "A2", "B2"]
    assert len(set(names)) == 60


def test_movement_of_a_path_worked_by_hand() -> None:
    found = movement(CODES)
    assert found.steps.tolist() == [[3, 0], [4, 0]]
    assert found.away.tolist() == [[3, 0], [5, 0]]
    assert found.apart == 10


def test_sentences_come_from_the_numbers() -> None:
    assert answer_words(example()) == (
        "4 of 6 queries right (66.7%) after adaptation, 4 before (66.7%). "
        "Adaptation changed 2 answers: 1 became right, 1 became wrong, 0 stayed wrong."
    )
    assert (
        answer_words(example(predicted=example().predicted[:1], steps=[0]))
        == "4 of 6 queries right (66.7%); no inner step is taken."
    )
    assert answer_words(example(predicted=example().predicted[[0, 0, 0]])).endswith("Adaptation changed no answer.")
    assert answer_words(example(predicted=example().predicted[[0, 1, 1]])).endswith(
        "Adaptation changed 1 answer: 1 became right, 0 became wrong, 0 stayed wrong."
    )
    # A moves 5 and B 0: 2.5 on average, a quarter of the 10 between them.
    assert movement_words(example()) == (
        "In 2 inner steps a class's code moves 2.5 on average (0 to 5); two classes' codes are 10 apart at the start, "
        "on average, so that is 25.00% of it: much."
    )


@pytest.mark.parametrize(
    ("scale", "words"), [(0.5, "much"), (0.3, "little"), (0.05, "little"), (0.03, "next to nothing")]
)
def test_size_of_the_movement_is_said_by_its_share(scale: float, words: str) -> None:
    codes = CODES[0] + scale * (CODES - CODES[0])  # shares of 25% times scale
    assert movement_words(example(codes=codes)).endswith(f": {words}.")


def test_codes_that_stay_and_learners_without_codes_are_said_so() -> None:
    assert movement_words(example(codes=None)) == "This learner has no codes."
    assert movement_words(example(codes=CODES[:1])).startswith("No inner step is taken")
    assert "do not move at all" in movement_words(example(codes=CODES[[0, 0]]))
    same = np.zeros((2, 2, 3))
    same[1] = 1
    assert movement_words(example(codes=same)).endswith("all classes start from the same code.")


def test_choice_is_told_as_it_was() -> None:
    names = [example(which=which) for which in ("hardest", "median", "easiest")]
    assert "first 200 test episodes of the run's headline test: the hardest, median and easiest by" in chosen_words(
        names, 200
    )
    assert "the hardest by the" in chosen_words(names[:1], 3)


def test_projection_keeps_what_a_plane_holds() -> None:
    points, shares = project(CODES)  # codes of two numbers: distances stay as they are
    flat, kept = CODES.reshape(-1, 2), points.reshape(-1, 2)
    assert np.allclose(np.linalg.norm(flat[:, None] - flat, axis=-1), np.linalg.norm(kept[:, None] - kept, axis=-1))
    assert sum(shares) == pytest.approx(1)
    line = np.linspace(0, 1, 6)[:, None] * np.array([1.0, 2.0, 2.0])
    points, shares = project(line.reshape(3, 2, 3))
    assert shares == pytest.approx([1, 0]) and np.ptp(points[..., 0]) == pytest.approx(3)
    assert project(np.arange(6.0).reshape(3, 2, 1))[1] == pytest.approx([1, 0])


def test_tables_hold_the_counts_and_lengths() -> None:
    classes = class_table(example())
    assert classes.numbers["correct_before"].tolist() == [2, 2] and classes.numbers["correct_after"].tolist() == [3, 1]
    assert classes.numbers["code_moved"].tolist() == [5, 0]
    assert classes.words["taken for"].tolist() == ["-", "A 2"]
    steps = step_table(
        [example(), example(index=9, codes=None), example(index=8, steps=[0, 2], predicted=example().predicted[[0, 2]])]
    )
    assert steps.numbers["episode"].tolist() == [7, 7, 8, 8]
    assert steps.numbers["moved_mean"].tolist() == [1.5, 2, 1.5, 2]
    assert steps.words["right answers"].tolist() == ["5", "4", "-", "4"]


def test_only_mistakes_are_framed_and_named_where_they_are() -> None:
    ax = Figure().add_subplot()
    shown = example()
    assert episode_grid(shown.names, shown.support, shown.query, shown.predicted[-1], ax=ax) is ax
    frames = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert len(frames) == len(ax.images) == 8
    heavy = [frame.get_xy() for frame in frames if frame.get_linewidth() > 1]
    # Class B's block begins 1.35 down (a row of 1 and the gap); its queries 1 + 0.35 right of the names' width.
    left = LABEL + 1.35 + 0.03
    assert np.allclose(heavy, [(left, 1.38), (left + 1, 1.38)])
    assert [text.get_text() for text in ax.texts] == ["A", "B", "A", "A"]
    ink = ax.images[0].get_array()
    assert ink is not None and ink.max() == 0  # ink 255 is drawn black


def test_grid_breaks_queries_into_rows_of_eight() -> None:
    assert grid_size(5, 1, 15) == (LABEL + 1 + 0.35 + 8, 5 * 2.35)
    assert grid_size(5, 5, 15) == (LABEL + 3 + 0.35 + 8, 5 * 2.35)
    assert grid_size(2, 1, 3) == (LABEL + 1 + 0.35 + 3, 2 * 1.35)


def test_paths_have_a_ring_at_the_start_and_a_dot_and_a_name_at_the_end() -> None:
    frame = pd.DataFrame({"name": ["A", "A", "B", "B"], "step": [0, 1, 0, 1], "x": [0, 1, 5, 5], "y": [0, 2, 5, 7]})
    ax = code_paths(frame, xlabel="x", ylabel="y", ax=Figure().add_subplot())
    path, ring, dot = ax.lines[:3]
    assert path.get_xydata().tolist() == [[0, 0], [1, 2]]
    assert ring.get_xydata().tolist() == [[0, 0]] and ring.get_markerfacecolor() == "none"
    assert dot.get_xydata().tolist() == [[1, 2]]
    assert [(text.get_text(), text.xy) for text in ax.texts] == [("A", (1, 2)), ("B", (5, 7))]  # type: ignore[attr-defined]


def test_names_go_onwards_and_apart() -> None:
    (alone,) = label_offsets(np.array([[0.0, 0.0]]), np.array([[0.0, 3.0]]))
    assert alone == pytest.approx((0, 9))
    ends = np.zeros((5, 2))
    places = np.array(label_offsets(ends, np.ones((5, 2))))
    distances = np.hypot(*(places[:, None] - places).T)[np.triu_indices(5, 1)]
    assert distances.min() >= 6.8 and np.hypot(*places.T).min() >= 8.5


@pytest.fixture
def result(tmp_path: Path) -> Result:
    plan = make_plan({"leo": {}}, (0,))
    write_run(tmp_path, plan, plan.runs[0], lambda *_: np.full((4, 6), 50))
    return read_record(tmp_path / "runs" / plan.runs[0].run_key / "result.json", Result)


def test_page_is_whole_and_the_same_again(tmp_path: Path, result: Result) -> None:
    shown = [example(), example(which="easiest", index=3, codes=None)]
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        write_example_page(folder, result, shown, 12, result.numerics)
    files = {path.relative_to(folders[0]) for path in folders[0].rglob("*") if path.is_file()}
    assert {str(path) for path in files} == {
        ".gitignore",
        "report.html",
        *(
            f"figures/{name}.{kind}"
            for name in ("episode-hardest", "codes-hardest", "episode-easiest")
            for kind in ("svg", "png")
        ),
        *(f"tables/{name}.csv" for name in ("classes-hardest", "classes-easiest", "steps")),
    }
    for path in files:
        assert (folders[0] / path).read_bytes() == (folders[1] / path).read_bytes(), path
    text = (folders[0] / "report.html").read_text()
    assert "Mistakes: 2 of 3 drawings of B (2 as A)" in text  # in words too, for who does not see the figure
    assert "numerics digest" not in text
    assert (folders[0] / ".gitignore").read_text() == "*\n"
