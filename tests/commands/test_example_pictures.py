"""Pictures of example episodes: numbers worked by hand, marks on the right drawings, bytes that stay."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from leo_bench.commands.examples import grid_of, in_words
from leo_bench.figures.code_paths import code_paths, code_paths_png, project
from leo_bench.figures.drawings import HEAD, HEADING, AnswerGrid
from leo_bench.records.example import Example, class_name, movement

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


def test_correct_answers_mistakes_and_names() -> None:
    assert example().correct.tolist() == [4, 5, 4]
    assert (example().mistakes(0), example().mistakes(1)) == ({}, {"A": 2})
    names = [class_name(index) for index in range(60)]
    assert names[:2] == ["A", "B"] and names[25:28] == ["Z", "A2", "B2"] and len(set(names)) == 60


def test_movement_of_a_path_worked_by_hand() -> None:
    found = movement(CODES)
    assert (found.steps.tolist(), found.away.tolist(), found.apart) == ([[3, 0], [4, 0]], [[3, 0], [5, 0]], 10)


def test_words_hold_the_counts_and_lengths() -> None:
    # B's second query changes from B to A, A's third from B to A. A moves 5 and B 0, 2.5 in the mean.
    assert in_words(example()) == (
        "Hardest: test episode 7: 4 to 4 of 6 right; answers changed: 2 (1 to right, 1 to wrong); mistakes: B taken "
        "for A (2); codes move 2.5 of 10 between classes"
    )
    better = in_words(example(predicted=example().predicted[[0, 1, 1]], codes=None))  # A's third answer alone
    assert better.endswith(
        "4 to 5 of 6 right; answers changed: 1 (1 to right, 0 to wrong); mistakes: B taken for A (1)"
    )


def test_projection_keeps_what_a_plane_holds() -> None:
    points, shares = project(CODES)  # codes of two numbers: distances stay as they are
    flat, kept = CODES.reshape(-1, 2), points.reshape(-1, 2)
    assert np.allclose(np.linalg.norm(flat[:, None] - flat, axis=-1), np.linalg.norm(kept[:, None] - kept, axis=-1))
    assert sum(shares) == pytest.approx(1)
    line = np.linspace(0, 1, 6)[:, None] * np.array([1.0, 2.0, 2.0])
    points, shares = project(line.reshape(3, 2, 3))
    assert shares == pytest.approx([1, 0]) and np.ptp(points[..., 0]) == pytest.approx(3)
    assert project(np.arange(6.0).reshape(3, 2, 1))[1] == pytest.approx([1, 0])
    assert project(np.ones((3, 2, 4)))[1] == [0, 0]  # codes that do not move at all


def grid(**changes: Any) -> AnswerGrid:
    """Two classes, A with three queries and B with two; one of B is taken for A."""
    white = np.zeros((9, 4, 4), np.uint8)
    given = {"classes": ["A", "B"], "support": white[:2] + 255, "support_labels": np.arange(2), "queries": white[:5]}
    given |= {"labels": np.array([0, 0, 0, 1, 1]), "answers": np.array([0, 0, 0, 1, 0])}
    return AnswerGrid(**{**given, **changes})


def test_only_mistakes_are_framed_and_named_where_they_are() -> None:
    ax = grid().draw(ax=Figure().add_subplot())
    frames = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert len(frames) == len(ax.images) == 7
    (heavy,) = [frame.get_xy() for frame in frames if frame.get_linewidth() > 1]
    # Class B's block begins a row of 1.3 below A's, its second query 1 + 0.35 + 1 right of the names.
    assert np.allclose(heavy, (0.7 + 2.35 + 0.03, HEAD + 1.3 + 0.03))
    assert ax.texts[-1].get_position()[1] >= HEAD + 1.3 + 1, "the name hides no ink"
    assert [text.get_text() for text in ax.texts] == ["support", "classified; framed: mistakes", "A", "B", "A"]
    ink = ax.images[0].get_array()
    assert ink is not None and ink.max() == 0  # ink 255 is drawn black


def test_a_query_of_unknown_class_stands_with_its_answer() -> None:
    ax = grid(labels=np.full(5, -1)).draw(ax=Figure().add_subplot())
    frames = [patch.get_xy() for patch in ax.patches if isinstance(patch, Rectangle)]
    assert sum(top > HEAD + 1 for _, top in frames) == 2  # the support of B, and the one query that is taken for B


def test_grid_breaks_drawings_into_rows() -> None:
    many = {"support": np.zeros((10, 4, 4)), "support_labels": np.arange(2).repeat(5), "queries": np.zeros((30, 4, 4))}
    many |= {"labels": np.arange(2).repeat(15), "answers": np.zeros(30, int)}
    assert grid().size == pytest.approx((0.7 + 1 + 0.35 + HEADING, HEAD + 2 * 1.3))  # wider than 3 queries
    assert grid(**many).size == pytest.approx((0.7 + 4 + 0.35 + 8, HEAD + 4 * 1.3))  # 4 and 1; 8 and 7


def test_paths_have_a_ring_at_the_start_and_a_dot_and_a_name_at_the_end() -> None:
    points = np.array([[[0, 0], [5, 5]], [[1, 2], [5, 7]]], float)
    ax = code_paths(["A", "B"], points, ax=Figure().add_subplot())
    path, ring, dot = ax.lines[:3]
    assert np.asarray(path.get_xydata()).tolist() == [[0, 0], [1, 2]]
    assert np.asarray(ring.get_xydata()).tolist() == [[0, 0]] and ring.get_markerfacecolor() == "none"
    assert np.asarray(dot.get_xydata()).tolist() == [[1, 2]]
    assert [(text.get_text(), tuple(text.xy)) for text in ax.texts] == [("A", (1, 2)), ("B", (5, 7))]  # type: ignore[attr-defined]
    # a name goes on in the direction of its path, 9 points beyond its end
    assert np.allclose([text.xyann for text in ax.texts], [(9 / 5**0.5, 18 / 5**0.5), (0, 9)])  # type: ignore[attr-defined]


def test_pictures_are_the_same_again() -> None:
    for draw in (grid_of(example()).png, lambda: code_paths_png(example().names, CODES)):
        first = draw()
        assert first.startswith(b"\x89PNG") and first == draw()
    assert code_paths_png(["A", "B"], np.zeros((1, 2, 2))) == code_paths_png(["A", "B"], np.zeros((1, 2, 2)))


def test_a_grid_has_each_query_beside_its_class_and_answer() -> None:
    made = grid_of(example())
    assert made.labels.tolist() == [0, 0, 0, 1, 1, 1] and made.support_labels.tolist() == [0, 1]
    assert made.answers.tolist() == [0, 0, 0, 0, 0, 1] and made.queries.shape == (6, 4, 4)
