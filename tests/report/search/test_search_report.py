"""Reports of searches made by hand: numbers worked out, gains on test, and whatever is missing named."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results_fixture import edit_record, make_plan, seal, write_run, write_study
from search_fixture import (
    IMPORTANCE,
    PLANTED,
    RANGES,
    importance_row,
    make_search,
    make_test_plan,
    make_trial,
    range_rows,
    write_big_search,
    write_search,
    write_table,
    write_tested,
)

from leo_bench.commands.cli import main
from leo_bench.errors import LeoBenchError
from leo_bench.records.search import Best, Choice, Parameter, Sitting, Trial
from leo_bench.report import rebuild_all, write_search_report
from leo_bench.report.search.data import SearchData, load_search_data, value_words
from leo_bench.report.search.figures import all_plots
from leo_bench.report.search.on_test import choices_on_test
from leo_bench.report.search.parameter_figures import part_edges
from leo_bench.report.search.sentences import answer, count_sentence, how_sentence, importance_sentence, notices
from leo_bench.report.search.tables import ranges_table, trials_table

TWO = [
    Parameter(name="latent_dim", low=32, high=128, whole=True),
    Parameter(name="encoder", choices=["separate", "shared"]),
]
STARTED = "2026-01-02T03:00:00+00:00"


def some_trials(*accuracies: float | None) -> list[Trial]:
    """A trial for each accuracy, pruned where there is none; settings of TWO."""
    return [
        make_trial(
            number,
            None if accuracy is None else [accuracy],
            parameters={"latent_dim": 32 + 8 * number, "encoder": "shared" if number % 2 else "separate"},
            curve=[(250, 0.5), (500, 0.6 if accuracy is None else accuracy)],
        )
        for number, accuracy in enumerate(accuracies)
    ]


def search_at(results: Path, *accuracies: float | None, **changes: Any) -> Path:
    """A search of TWO with trials of these accuracies, without an analysis."""
    return write_search(results, make_search(TWO, **changes), some_trials(*accuracies))


def report(folder: Path) -> tuple[str, str]:
    """HTML and Markdown of a search's report, written beside its results."""
    page = write_search_report(folder, folder.parents[1] / "reports" / folder.name)
    return page.read_text(), page.with_suffix(".md").read_text()


def csv(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder.parents[1] / "reports" / folder.name / f"tables/{name}.csv")


# What test says


def search_with_test(
    results: Path,
    right: Mapping[str, Sequence[int]],
    chosen: float = 0.9,
    validation: Mapping[str, Sequence[float]] | None = None,
    **changes: Any,
) -> SearchData:
    """A search that chose trial 1 for an accuracy, and its runs on test. right: variant -> correct answers of 75 in
    every episode, by seed from 100; validation: the same runs' accuracies on validation characters."""
    plan = make_search(TWO, test_seeds=list(range(100, 100 + len(right["best"]))), **changes)
    trials = some_trials(0.8, chosen)
    best = Best(
        study="search_best-cpu",
        choices=[Choice(variant="best", number=1, parameters=trials[1].parameters, values=[chosen])],
    )
    folder = write_search(results, plan, trials, best)
    marks = validation or {"best": [0.86, 0.88], "default": [0.80, 0.82]}
    write_tested(
        results,
        make_test_plan(plan, best),
        lambda variant, seed, *_: np.full((100, 6), right[variant][seed - 100]),
        {(variant, 100 + index): value for variant, values in marks.items() for index, value in enumerate(values)},
    )
    return load_search_data(folder)


def test_a_smaller_gain_on_test_than_on_validation_is_said_so(tmp_path: Path) -> None:
    # Test: 63 and 48 of 75 against 60 and 45: +4 points with both seeds, so the interval is 4 to 4.
    # Validation: 90% against (80 + 82) / 2 = 81%: +9 points.
    data = search_with_test(tmp_path, {"best": [63, 48], "default": [60, 45]})
    (one,) = choices_on_test(data)
    assert one.gain_on_validation == pytest.approx(0.09)
    assert one.effect["difference"] == pytest.approx(0.04)
    assert (one.gain_on_test, one.effect["verdict"]) == ("less", "better")
    assert one.accuracy.mean == pytest.approx((63 + 48) / 150)
    words = " ".join(answer(data))
    assert "On validation characters trial 1 is best: 90.0% with latent_dim 40, encoder shared" in words
    assert "+4.0 points against the defaults (paired, 95% interval +4.0 to +4.0), a verdict of better" in words
    assert "The defaults reach 70.0%" in words
    assert "The source document expects 95 to 98% there." in words
    assert (
        "The gain over the defaults for it is +9.0 points on validation and +4.0 points on test, whose whole interval"
        in words
    )
    assert "the highest of 2 noisy accuracies is too high on average" in words


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    ("right", "chosen", "kept", "verdict", "words"),
    [
        # 2 and 4 of 75 more: 4 points with standard error 1.3, and 12.7 of those either way
        ({"best": [63, 51], "default": [61, 47]}, 0.9, "within", "inconclusive", "within the interval on test"),
        # a gain on validation of 2 points, below the difference but within its interval
        ({"best": [63, 51], "default": [61, 47]}, 0.83, "within", "inconclusive", "within the interval on test"),
        ({"best": [63, 48], "default": [60, 45]}, 0.83, "more", "better", "lies above the gain on validation"),
        ({"best": [63], "default": [60]}, 0.9, "open", "one seed", "selection bias cannot be judged"),
        ({"best": [57, 42], "default": [60, 45]}, 0.9, "less", "worse", "a verdict of worse"),
    ],
)  # fmt: skip
def test_each_gain_on_test_has_its_words(
    tmp_path: Path, right: dict[str, list[int]], chosen: float, kept: str, verdict: str, words: str
) -> None:
    data = search_with_test(tmp_path, right, chosen)
    (one,) = choices_on_test(data)
    assert (one.gain_on_test, one.effect["verdict"]) == (kept, verdict)
    assert words in " ".join(answer(data))
    html, markdown = report(data.folder)
    row = csv(data.folder, "test").set_index("variant").loc["best"]
    assert row["promised"] == pytest.approx(chosen - (0.81 if len(right["best"]) > 1 else 0.80))
    assert row["verdict"] == verdict
    for text in (html, markdown):
        assert verdict in text


def test_an_inconclusive_verdict_is_not_called_an_improvement(tmp_path: Path) -> None:
    words = " ".join(answer(search_with_test(tmp_path, {"best": [63, 51], "default": [62, 46]})))
    assert "inconclusive: these seeds do not show that the search found better settings" in words
    assert "a verdict of better" not in words


@pytest.mark.usefixtures("no_drawing")
def test_fresh_seeds_below_the_trial_are_a_sign_of_selection_bias(tmp_path: Path) -> None:
    # Fresh seeds 86.9 and 87.1%: mean 87.0, standard error 0.1, times 12.7 is 1.27 points, so 90% lies above.
    marks = {"best": [0.869, 0.871], "default": [0.80, 0.82]}
    data = search_with_test(tmp_path, {"best": [63, 48], "default": [60, 45]}, validation=marks)
    html, markdown = report(data.folder)
    for text in (html, markdown):
        assert "Trial 1 was chosen for 90.0% on validation characters, from one seed." in text
        assert "reach 87.0% (95% interval over 2 seeds 85.7 to 88.3) on the same characters: 3.0 points less" in text
        assert "lies above the interval, a sign of selection bias" in text
        assert "They use 100 validation episodes, which may explain part of the gap." in text
    row = csv(data.folder, "test").set_index("variant").loc["best"]
    assert row[["fresh_validation", "validation"]].tolist() == pytest.approx([0.87, 0.9])


@pytest.mark.usefixtures("no_drawing")
def test_a_trial_within_the_fresh_seeds_interval_is_no_sign_of_selection_bias(tmp_path: Path) -> None:
    # 86 and 88%: mean 87, standard error 1, times 12.7: 74.3 to 99.7
    markdown = report(search_with_test(tmp_path, {"best": [63, 48], "default": [60, 45]}).folder)[1]
    assert "87.0% (95% interval over 2 seeds 74.3 to 99.7) on the same characters: 3.0 points less" in markdown
    assert "lies within the interval, so there is no sign of selection bias" in markdown


def test_a_validation_before_the_end_of_training_counts_for_no_gain(tmp_path: Path) -> None:
    data = search_with_test(tmp_path, {"best": [63, 48], "default": [60, 45]})
    for path in tmp_path.glob("runs/*/result.json"):
        record = json.loads(path.read_text())
        record["validation"][-1]["episode"] = 500
        edit_record(path, validation=record["validation"])
    (one,) = choices_on_test(load_search_data(data.folder))
    assert one.gain_on_validation is None and one.gain_on_test == "open" and one.validation is None
    words = " ".join(answer(load_search_data(data.folder)))
    assert "Accuracy for it is 90.0% on validation and 74.0% on test. The characters differ" in words


@pytest.mark.usefixtures("no_drawing")
def test_gains_with_other_budgets_are_not_compared(tmp_path: Path) -> None:
    plan = make_search(TWO)
    test = {**plan.test, "n_train_episodes": 4000}
    data = search_with_test(tmp_path, {"best": [63, 48], "default": [60, 45]}, test=test)
    words = " ".join(answer(data))
    assert "cannot be compared: the runs on test have n_train_episodes 4000 against 2000." in words
    assert "on validation and" not in words
    assert "was chosen for 90.0% on validation characters" not in report(data.folder)[1]


@pytest.mark.usefixtures("no_drawing")
def test_what_is_missing_on_test_is_named_with_its_command(tmp_path: Path) -> None:
    folder = search_at(tmp_path / "results", 0.8, 0.9)
    command = "leo-bench search search --profile cpu"
    assert (
        f"Nothing is chosen yet (best.json is missing), so nothing is measured on test; `{command}` continues"
        in report(folder)[1]
    )
    data = search_with_test(tmp_path / "results", {"best": [63, 48], "default": [60, 45]})
    study = tmp_path / "results/search_best-cpu/study.json"
    for run in json.loads(study.read_text())["runs"]:
        shutil.rmtree(tmp_path / "results/runs" / run["run_key"])
    assert "none of the 4 runs of the study search_best-cpu of the chosen settings is done" in report(data.folder)[1]
    study.unlink()
    assert "the study search_best-cpu of the chosen settings is missing" in report(data.folder)[0]


def test_half_done_runs_on_test_compare_what_there_is(tmp_path: Path) -> None:
    data = search_with_test(tmp_path / "results", {"best": [63, 48], "default": [60, 45]})
    runs = json.loads((tmp_path / "results/search_best-cpu/study.json").read_text())["runs"]
    for run in runs:
        if run["variant"] == "default":
            shutil.rmtree(tmp_path / "results/runs" / run["run_key"])
    words = " ".join(answer(load_search_data(data.folder)))
    assert "which is not compared with the defaults: the baseline has no run on this test." in words
    assert "on validation and" not in words


# Trials, counts, sequence


def test_the_first_of_equals_is_best_and_pruned_trials_never_are(tmp_path: Path) -> None:
    data = load_search_data(search_at(tmp_path, 0.7, 0.9, None, 0.9))
    assert data.best_number == 1
    assert [choice.number for choice in data.choices] == [1]
    frame = data.frame.set_index("number")
    assert np.isnan(frame.loc[2, "accuracy"]) and frame.loc[2, "last"] == pytest.approx(0.6)
    assert frame["episodes"].tolist() == [500] * 4
    assert data.frame["encoder"].tolist() == ["separate", "shared", "separate", "shared"]


def test_trials_are_counted_by_state(tmp_path: Path) -> None:
    data = load_search_data(search_at(tmp_path, 0.7, 0.9, None, n_trials=40))
    assert count_sentence(data) == "Of 40 trials planned, 3 have started: 2 complete and 1 pruned."
    trials = [*some_trials(0.7, 0.9), make_trial(2, None, state="failed"), make_trial(3, [0.8], retry_of=2)]
    data = load_search_data(write_search(tmp_path, make_search(TWO, n_trials=3), trials))
    expected = "There are 4 trials (1 of them repeats a trial that died): 3 complete and 1 failed."
    assert count_sentence(data) == expected


@pytest.mark.parametrize(
    ("sittings", "how", "again"),
    [
        ([(1, 0)], "Made by one worker, in one go", True),
        ([(2, 0)], "Made by 2 workers, in one go", False),
        ([(1, 0), (1, 2)], "Made by one worker, resumed once", True),
        ([(2, 0), (1, 2), (1, 3)], "Made by 2 workers, resumed 2 times", False),
    ],
)
def test_only_one_worker_gives_the_sequence_again(
    tmp_path: Path, sittings: list[tuple[int, int]], how: str, again: bool
) -> None:
    made = [Sitting(started=STARTED, jobs=jobs, first_trial=first) for jobs, first in sittings]
    words = how_sentence(load_search_data(write_search(tmp_path, make_search(TWO), some_trials(0.7), sittings=made)))
    assert how in words
    assert ("the seed alone reproduces the sequence" in words) == again
    assert "TPE (seed 0, the first 10 at random)" in words and "pruned from 500 episodes on" in words


@pytest.mark.usefixtures("no_drawing")
def test_every_trial_has_a_row_with_all_that_is_known_and_its_command(tmp_path: Path) -> None:
    message = f"see {tmp_path}/results/runs/x/log.txt"
    trials = [
        *some_trials(0.75, None),
        make_trial(2, None, state="failed", message=message, run_key=None, parameters={}),
    ]
    folder = write_search(tmp_path / "results", make_search(TWO), trials)
    html, markdown = report(folder)
    rows = csv(folder, "trials").set_index("number")
    assert set(rows.columns) == {
        "state", "run_key", "accuracy", "episodes", "latent_dim", "encoder", "started", "finished", "retry_of",
        "message", "command",
    }  # fmt: skip
    assert rows["command"].tolist()[:2] == [f"leo-bench reproduce --key {0:016x}", f"leo-bench run --key {1:016x}"]
    assert rows.loc[0, ["state", "accuracy", "latent_dim"]].tolist() == ["complete", 0.75, 32]
    assert np.isnan(rows.loc[1, "accuracy"])
    assert rows.loc[2, "message"] == "see runs/x/log.txt" and np.isnan(rows.loc[2, "latent_dim"])
    for text in (html, markdown):
        assert f"leo-bench reproduce --key {0:016x}" in text and str(tmp_path) not in text


@pytest.mark.usefixtures("no_drawing")
def test_multiply_adds_stand_in_the_table_of_two_objectives(tmp_path: Path) -> None:
    plan = make_search(TWO, objectives=["accuracy", "multiply_adds"], pruner=None)
    costs = [(0.8, 1e8), (0.9, 4e8), (0.85, 5e8), (0.8, 2e8)]
    trials = [
        trial.model_copy(update={"values": [accuracy, cost]})
        for trial, (accuracy, cost) in zip(some_trials(*[a for a, _ in costs]), costs, strict=True)
    ]
    folder = write_search(tmp_path / "results", plan, trials)
    data = load_search_data(folder)
    # dearer than trial 1 and worse; as good as trial 0 and dearer
    assert data.front["number"].tolist() == [0, 1]
    words = " ".join(answer(data))
    assert "No one trial is best: 2 of 4 complete trials are on the Pareto front" in words
    assert "80.0% on validation characters at 100 million multiply-adds an episode (trial 0)" in words
    html, _ = report(folder)
    assert csv(folder, "trials")["multiply_adds"].tolist() == [cost for _, cost in costs]
    assert 'id="figure-front"' in html and 'id="table-front"' in html
    assert "multiply-adds" not in report(search_at(tmp_path / "other", 0.8, 0.9))[0]


# Importance and ranges


def with_importance(folder: Path, *rows: tuple[str, float, float, float], n_trials: int = 3) -> None:
    write_table(folder, "importance", [importance_row(*row, n_trials) for row in rows], IMPORTANCE)


def test_importance_counts_only_above_the_planted_noise(tmp_path: Path) -> None:
    folder = search_at(tmp_path, 0.7, 0.8, 0.9)
    rows = [(PLANTED, 0.15, 0.05, 0.3), ("latent_dim", 0.35, 0.29, 0.4), ("encoder", 0.6, 0.31, 0.8)]
    with_importance(folder, *rows)
    data = load_search_data(folder)
    assert list(data.scales) == ["encoder", "latent_dim"]  # in order of importance, not as planned
    assert data.importance["parameter"].tolist() == ["encoder", "latent_dim", PLANTED]
    assert importance_sentence(data) == (
        "By importance for accuracy encoder (0.60) matters; latent_dim cannot be told from a planted random number."
    )
    with_importance(folder, (PLANTED, 0.15, 0.05, 0.9), *rows[1:])
    assert importance_sentence(load_search_data(folder)).startswith(
        "With these trials no setting's importance can be told from"
    )
    caption = all_plots(load_search_data(folder))["importance"].caption
    assert "n = 3 complete trials" in caption and "up to 0.90: the floor" in caption


def test_an_analysis_of_fewer_trials_is_said_to_be_old(tmp_path: Path) -> None:
    folder = search_at(tmp_path, 0.7, 0.8, 0.9)
    write_table(folder, "ranges", range_rows(TWO, some_trials(0.7, 0.8, 0.9)))
    with_importance(folder, ("encoder", 0.6, 0.3, 0.8), n_trials=2)
    (words,) = notices(load_search_data(folder))
    assert "from 2 complete trials; there are 3 now" in words
    with_importance(folder, ("encoder", 0.6, 0.3, 0.8), n_trials=3)
    assert notices(load_search_data(folder)) == []


def test_parts_of_ranges_lie_side_by_side(tmp_path: Path) -> None:
    space = [
        Parameter(name="latent_dim", low=32, high=128, whole=True),
        Parameter(name="inner_steps", low=3, high=10, whole=True),
        Parameter(name="inner_lr", low=0.001, high=10.0, log=True),
        TWO[1],
    ]
    trials = [
        trial.model_copy(update={"parameters": {**trial.parameters, "inner_steps": 3, "inner_lr": 0.01}})
        for trial in some_trials(0.7, 0.9)
    ]
    folder = write_search(tmp_path, make_search(space), trials)
    write_table(folder, "ranges", range_rows(space, trials), RANGES)
    data = load_search_data(folder)
    assert part_edges(data, "inner_steps") == [2.5, 4.5, 6.5, 8.5, 10.5]
    assert part_edges(data, "inner_lr") == pytest.approx([0.001, 0.01, 0.1, 1.0, 10.0])
    assert part_edges(data, "encoder") == [-0.5, 0.5, 1.5]
    table = ranges_table(data)
    assert table is not None
    words = table.words.set_index(["parameter", "part"])
    assert words.loc[("inner_steps", "3 to 4"), "trials"] == "2"
    assert words.loc[("inner_steps", "3 to 4"), ["mean accuracy, %", "best, %"]].tolist() == ["80.0", "90.0"]
    assert words.loc[("encoder", "shared"), "standard error, points"] == "-"  # one trial


@pytest.mark.usefixtures("no_drawing")
def test_without_an_analysis_the_rest_is_drawn_and_the_command_named(tmp_path: Path) -> None:
    folder = search_at(tmp_path / "results", 0.7, 0.8, None, 0.9)
    html, markdown = report(folder)
    command = "leo-bench search search --profile cpu"
    for text in (html, markdown):
        assert "analysis/importance.csv and analysis/ranges.csv are missing" in text and command in text
    assert f"<code>{command}</code> writes them" in html and f"`{command}` writes them" in markdown
    assert "`" not in re.sub(r"<script>.*</script>", "", html, flags=re.DOTALL)
    plots = all_plots(load_search_data(folder))
    assert list(plots) == ["history", "curves", "slices", "parallel"]
    with_importance(folder, ("encoder", 0.6, 0.3, 0.8), ("latent_dim", 0.2, 0.1, 0.3))
    assert "analysis/ranges.csv is missing" in report(folder)[1]
    write_table(folder, "ranges", range_rows(TWO, some_trials(0.7, 0.8, None, 0.9)))
    assert set(all_plots(load_search_data(folder))) == {*plots, "importance", "ranges", "maps"}


@pytest.mark.usefixtures("no_drawing")
def test_an_empty_table_of_importance_says_that_trials_are_too_few(tmp_path: Path) -> None:
    folder = search_at(tmp_path / "results", 0.7, 0.8)
    write_table(folder, "importance", [], IMPORTANCE)
    assert "analysis/importance.csv has no rows: 2 complete trials are too few for it." in report(folder)[1]
    assert importance_sentence(load_search_data(folder)) == ""


def test_the_two_most_important_pairs_are_mapped(tmp_path: Path) -> None:
    data = load_search_data(write_big_search(tmp_path))
    titles = [panel.title for panel in all_plots(data)["maps"].panels]
    assert titles == ["outer_lr and inner_lr", "outer_lr and latent_dim"]


# Searches that have just begun, and broken ones


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    ("accuracies", "figures"),
    [
        ((), []),
        ((None,), ["curves"]),
        ((0.8,), ["history", "curves"]),
        ((0.8, None), ["history", "curves"]),
        ((0.8, 0.8), ["history", "curves", "slices", "parallel"]),
    ],
)
def test_a_search_that_has_just_begun_has_a_report(
    tmp_path: Path, accuracies: tuple[float | None, ...], figures: list[str]
) -> None:
    folder = search_at(tmp_path / "results", *accuracies)
    html, markdown = report(folder)
    assert list(all_plots(load_search_data(folder))) == figures
    none = not any(accuracies)
    for text in (html, markdown):
        assert ("No trial is complete yet" in text) == none
        assert ("No trial has started." in text) == (not accuracies)


@pytest.mark.usefixtures("no_drawing")
def test_trials_that_failed_at_once_have_no_curve(tmp_path: Path) -> None:
    trials = [make_trial(0, None, state="failed", parameters={}, run_key=None), make_trial(1, None, state="waiting")]
    html, _ = report(write_search(tmp_path / "results", make_search(TWO), trials))
    assert "No trial has reported two accuracies" in html


@pytest.mark.usefixtures("no_drawing")
def test_two_objectives_before_any_trial_is_complete(tmp_path: Path) -> None:
    folder = search_at(tmp_path / "results", None, objectives=["accuracy", "multiply_adds"])
    assert "No trial is complete yet" in report(folder)[0]


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("search.json", "{", "truncated or not JSON"),
        ("trials.json", None, "trials.json is missing"),
        ("best.json", "{}", "study: Field required"),
        ("analysis/importance.csv", "", "is no table"),
        ("analysis/ranges.csv", "parameter,part\nx,0\n", "lacks the columns low, high, choice"),
    ],
)
def test_broken_files_are_named_in_one_line(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    folder = search_at(tmp_path, 0.8, 0.9)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
    with pytest.raises(LeoBenchError, match=words) as raised:
        write_search_report(folder, tmp_path / "out")
    assert path.name in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.usefixtures("no_drawing")
def test_glyphs_are_never_set_against_the_document(tmp_path: Path) -> None:
    data = search_with_test(tmp_path / "results", {"best": [63, 48], "default": [60, 45]}, dataset="glyphs")
    for text in report(data.folder):
        assert "measured on glyphs" in text and "document expects" not in text
        assert "omniglot" not in text


# The whole page


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Folder of a search with everything beside it, and its report as HTML and as Markdown."""
    folder = write_big_search(tmp_path_factory.mktemp("whole") / "results", costly=True)
    return folder, *report(folder)


def test_the_page_stands_alone_and_every_figure_is_described(whole: tuple[Path, str, str]) -> None:
    folder, html, markdown = whole
    links = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')\s>]+)', html)
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    pictures = re.findall(r"<svg [^>]*>", html)
    assert pictures and all(re.search(r'role="img" aria-label="[^"]{40,}"', tag) for tag in pictures)
    plots = all_plots(load_search_data(folder))
    assert list(plots) == ["front", "history", "curves", "importance", "ranges", "slices", "maps", "parallel"]
    out = folder.parents[1] / "reports" / folder.name
    for name, plot in plots.items():
        assert f'id="figure-{name}"' in html and f"](figures/{name}.png)" in markdown
        assert (out / f"figures/{name}.svg").is_file() and (out / f"figures/{name}.png").is_file()
        assert "n = " in plot.caption
        assert all("omniglot 5f1c0ffe, 28x28 px, 5-way 1-shot, validation" in panel.subtitle for panel in plot.panels)
    tables = set(re.findall(r'id="table-([^"]+)"', html))
    assert tables == {"test", "front", "importance", "ranges", "trials"}
    assert all((out / f"tables/{name}.{kind}").is_file() for name in tables for kind in ("csv", "tex"))
    for word in ("abc123def456", "Some CPU", "2 workers, resumed once", "100, 101, 102, 103, 104", "pareto_best-cpu"):
        assert word in html and word in markdown
    assert "1,000 validation episodes each" in plots["history"].caption


def test_colours_of_the_ramp_follow_the_page(whole: tuple[Path, str, str]) -> None:
    style, body = whole[1].split("</style>", 1)
    assert "var(--r0)" in style and "var(--r6)" in style and "#2b2c78" not in body
    assert all(style.count(f"--r{index}:") == 3 for index in range(7))  # light, dark, print


def test_pages_are_the_same_bytes_wherever_the_results_lie(tmp_path: Path) -> None:
    folder = write_big_search(tmp_path / "results", n_trials=14)
    shutil.copytree(tmp_path / "results", tmp_path / "elsewhere/results")
    first = write_search_report(folder, tmp_path / "a").parent
    second = write_search_report(tmp_path / "elsewhere/results" / folder.name, tmp_path / "b").parent
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(names) > 20
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_captions_say_what_is_cut_and_when_errors_are_drawn(tmp_path: Path) -> None:
    low = all_plots(load_search_data(search_at(tmp_path / "a", 0.80, 0.82, 0.84, 0.2)))
    assert "Arrowheads at the lower edge" in low["slices"].caption
    assert "The lowest colour also stands for everything below." in low["parallel"].caption
    near = all_plots(load_search_data(search_at(tmp_path / "b", 0.96, 0.97, 0.98)))
    assert "the axis shows the error" in near["slices"].caption and "Arrowheads" not in near["slices"].caption
    assert "lowest colour" not in near["parallel"].caption


def test_published_searches_hold_their_runs_themselves(tmp_path: Path) -> None:
    folder = write_big_search(tmp_path / "results", n_trials=14)
    official = tmp_path / "results/official" / folder.name
    shutil.copytree(folder, official)
    shutil.copytree(tmp_path / "results/runs", official / "runs")
    shutil.rmtree(tmp_path / "results/runs")
    assert load_search_data(folder).results == {} and load_search_data(folder).data_name == "omniglot"
    assert load_search_data(official).data_name == "omniglot 5f1c0ffe"
    assert load_search_data(official).n_episodes == 1000
    for path in official.glob("runs/*/tests/*/result.json"):  # scored on test, not on validation
        path.write_text(path.read_text().replace('"split": "val"', '"split": "test"'))
        seal(path)
    assert load_search_data(official).n_episodes is None


@pytest.mark.usefixtures("no_drawing")
def test_every_search_is_rebuilt_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    search_at(results, 0.8, 0.9)
    plan = make_plan({"leo": {}}, [0], base={"test_n_ways": (5,), "test_modes": ("mixed",), "inner_steps": 1})
    write_run(results, plan, plan.runs[0], lambda *_: np.full((12, 2), 50))
    write_study(results, plan)
    assert rebuild_all(results, reports) == [reports / "ablations-cpu/report.html", reports / "search-cpu/report.html"]
    index = (reports / "index.html").read_text()
    assert '<a href="search-cpu/report.html">Hyperparameter search: search, profile cpu</a>' in index
    assert "On validation characters trial 1 is best" in index
    (results / "broken-cpu").mkdir()
    (results / "broken-cpu/search.json").write_text("{")
    with pytest.raises(LeoBenchError, match=r"2 reports rebuilt, 1 not: .*broken-cpu"):
        rebuild_all(results, reports)
    shutil.rmtree(reports)
    assert main(["report", str(results / "search-cpu"), "--reports", str(reports)]) == 0
    assert capsys.readouterr().out.strip() == str(reports / "search-cpu/report.html")
    assert 'href="search-cpu/report.html"' in (reports / "index.html").read_text()


def test_values_are_written_short() -> None:
    assert [value_words(value) for value in (True, 96, 0.021345, "shared")] == ["true", "96", "0.0213", "shared"]
    data = make_search(TWO)
    assert data.base["test_split"] == "val" and data.test["test_split"] == "test"


def test_table_of_trials_without_trials(tmp_path: Path) -> None:
    assert trials_table(load_search_data(search_at(tmp_path))).words.empty
