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
from scipy import stats
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
from leo_bench.records import read_json
from leo_bench.records.search import Best, Choice, Parameter, Sitting, Trial
from leo_bench.report import rebuild_all, write_search_report
from leo_bench.report.search.answer import answer_rows, notices
from leo_bench.report.search.data import SearchData, load_search_data, value_words
from leo_bench.report.search.figures import importance_plot
from leo_bench.report.search.provenance import provenance
from leo_bench.report.search.tables import choices_table, ranges_table

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


def on_test(data: SearchData) -> pd.DataFrame:
    """Numbers of the choices and the defaults on test."""
    table = choices_table(data)
    assert table is not None
    return table.numbers


def rows(data: SearchData) -> dict[str, str]:
    """The answer's rows."""
    return dict(answer_rows(data))


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


def test_a_choice_stands_beside_its_fresh_seeds_on_validation_and_the_defaults_on_test(tmp_path: Path) -> None:
    # Test: 63 and 48 of 75 against 60 and 45: +4 points with both seeds, so the interval is 4 to 4.
    # Fresh seeds on validation 86 and 88%: mean 87, standard deviation 1.4, standard error 1, times 12.7.
    data = search_with_test(tmp_path, {"best": [63, 48], "default": [60, 45]})
    row = on_test(data).set_index("variant").loc["best"]
    assert (row["trial"], row["validation"], row["verdict"]) == (1, 0.9, "better")
    assert row["accuracy"] == pytest.approx((63 + 48) / 150) and row["difference"] == pytest.approx(0.04)
    assert row["fresh_validation"] == pytest.approx(0.87)
    assert row["fresh_validation_high"] - 0.87 == pytest.approx(stats.t.ppf(0.975, 1) * 0.01)
    found = rows(data)
    assert found["Best on validation"] == "trial 1, 90.0%: latent_dim 40, encoder shared"
    assert found["On test, best of the search"].startswith("74.0")
    assert found["On test, best of the search"].endswith("gain over the defaults +4.0 [+4.0, +4.0] points: better")
    assert found["On test, defaults"].startswith("70.0") and "gain" not in found["On test, defaults"]
    assert found["The source document expects"].startswith("95 to 98%")


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    ("right", "verdict"),
    [
        # 2 and 4 of 75 more: 4 points with standard error 1.3, and 12.7 of those either way
        ({"best": [63, 51], "default": [61, 47]}, "inconclusive"),
        ({"best": [63], "default": [60]}, "one seed"),
        ({"best": [57, 42], "default": [60, 45]}, "worse"),
    ],
)
def test_each_choice_on_test_has_its_verdict(tmp_path: Path, right: dict[str, list[int]], verdict: str) -> None:
    data = search_with_test(tmp_path, right)
    texts = report(data.folder)
    row = csv(data.folder, "test").set_index("variant").loc["best"]
    assert (row["validation"], row["verdict"]) == (0.9, verdict)
    assert all(f"points: {verdict}" in text for text in texts)


def test_a_validation_before_the_end_of_training_does_not_count(tmp_path: Path) -> None:
    data = search_with_test(tmp_path, {"best": [63, 48], "default": [60, 45]})
    for path in tmp_path.glob("runs/*/result.json"):
        record = read_json(path)
        record["validation"][-1]["episode"] = 500
        edit_record(path, validation=record["validation"])
    assert on_test(load_search_data(data.folder))["fresh_validation"].isna().all()


@pytest.mark.usefixtures("no_drawing")
def test_a_trial_with_another_budget_is_said_not_to_compare(tmp_path: Path) -> None:
    test = {**make_search(TWO).test, "n_train_episodes": 4000}
    data = search_with_test(tmp_path, {"best": [63, 48], "default": [60, 45]}, test=test)
    why = "cannot be compared with the fresh seeds: they have n_train_episodes 4000 against 2000"
    assert why in report(data.folder)[1]


@pytest.mark.usefixtures("no_drawing")
def test_what_is_missing_on_test_is_named_with_its_command(tmp_path: Path) -> None:
    folder = search_at(tmp_path / "results", 0.8, 0.9)
    command = "leo-bench search search --profile cpu"
    assert f"not measured: best.json is missing; `{command}` continues" in report(folder)[1]
    data = search_with_test(tmp_path / "results", {"best": [63, 48], "default": [60, 45]})
    study = tmp_path / "results/search_best-cpu/study.json"
    for run in json.loads(study.read_text())["runs"]:
        shutil.rmtree(tmp_path / "results/runs" / run["run_key"])
    assert "no run of the study search_best-cpu is done" in report(data.folder)[1]
    study.unlink()
    assert "no run of the study search_best-cpu is done" in report(data.folder)[0]


def test_a_choice_without_the_defaults_on_test_is_not_compared(tmp_path: Path) -> None:
    data = search_with_test(tmp_path / "results", {"best": [63, 48], "default": [60, 45]})
    for run in json.loads((tmp_path / "results/search_best-cpu/study.json").read_text())["runs"]:
        if run["variant"] == "default":
            shutil.rmtree(tmp_path / "results/runs" / run["run_key"])
    found = rows(load_search_data(data.folder))
    assert found["On test, best of the search"].endswith("not compared")
    assert "On test, defaults" not in found


# Trials, counts, sequence


def test_the_first_of_equals_is_best_and_pruned_trials_never_are(tmp_path: Path) -> None:
    data = load_search_data(search_at(tmp_path, 0.7, 0.9, None, 0.9))
    assert rows(data)["Best on validation"].startswith("trial 1, 90.0%") and data.choices == []
    assert [trial.number for trial in data.complete] == [0, 1, 3]


def test_trials_are_counted_by_state(tmp_path: Path) -> None:
    data = load_search_data(search_at(tmp_path, 0.7, 0.9, None, n_trials=40))
    assert rows(data)["Trials"] == "40 planned; 2 complete, 1 pruned"
    trials = [*some_trials(0.7, 0.9), make_trial(2, None, state="failed"), make_trial(3, [0.8], retry_of=2)]
    data = load_search_data(write_search(tmp_path, make_search(TWO, n_trials=3), trials))
    assert rows(data)["Trials"] == "3 planned; 3 complete, 1 failed; 1 repeat a trial that died"


def test_provenance_says_whether_the_seed_alone_gives_the_sequence_again(tmp_path: Path) -> None:
    def found(*jobs: int) -> dict[str, str]:
        sittings = [Sitting(started=STARTED, jobs=n, first_trial=first) for first, n in enumerate(jobs)]
        folder = write_search(tmp_path, make_search(TWO), some_trials(0.7), sittings=sittings)
        return dict(provenance(load_search_data(folder)))

    assert found(1, 1)["sequence"] == "one worker, resumed once; the seed alone reproduces it"
    assert found(2)["sequence"] == "2 workers, in one go; the seed alone does not reproduce it"
    assert found(1)["sampler"] == "tpe, seed 0, 10 trials at random" and "500 episodes on" in found(1)["pruner"]
    assert found(1)["space"] == "latent_dim 32 to 128 (whole); encoder separate, shared"


@pytest.mark.usefixtures("no_drawing")
def test_with_two_objectives_every_choice_has_its_cost(tmp_path: Path) -> None:
    plan = make_search(TWO, objectives=["accuracy", "multiply_adds"], pruner=None)
    trials = [
        trial.model_copy(update={"values": [accuracy, cost]})
        for trial, (accuracy, cost) in zip(
            some_trials(0.8, 0.9, 0.9), [(0.895, 1e8), (0.9, 4e8), (0.9, 5e8)], strict=True
        )
    ]
    choices = [
        Choice(variant=name, number=one.number, parameters=one.parameters, values=one.values or [])
        for name, one in (("best", trials[1]), ("cheap", trials[0]))
    ]
    data = load_search_data(write_search(tmp_path, plan, trials, Best(study="search_best-cpu", choices=choices)))
    found = rows(data)
    assert found["Best on validation"].startswith("trial 1, 90.0% at 400 million multiply-adds: latent_dim 40")
    assert found["Chosen too, cheap"].startswith("trial 0, 89.5% at 100 million multiply-adds: latent_dim 32")
    assert "multiply-adds" not in rows(load_search_data(search_at(tmp_path / "other", 0.8, 0.9)))["Best on validation"]


# Importance and ranges


def with_importance(folder: Path, *rows: tuple[str, float, float, float], n_trials: int = 3) -> None:
    write_table(folder, "importance", [importance_row(*row, n_trials) for row in rows], IMPORTANCE)


def test_importance_counts_only_above_the_planted_noise(tmp_path: Path) -> None:
    folder = search_at(tmp_path, 0.7, 0.8, 0.9)
    found = [(PLANTED, 0.15, 0.05, 0.3), ("latent_dim", 0.35, 0.29, 0.4), ("encoder", 0.6, 0.31, 0.8)]
    with_importance(folder, *found)
    data = load_search_data(folder)
    assert [one.name for one in data.space] == ["encoder", "latent_dim"]  # in order of importance, not as planned
    assert data.importance["parameter"].tolist() == ["encoder", "latent_dim", PLANTED]
    assert rows(data)["Importance"] == "above the planted noise: encoder 0.60; not above it: latent_dim 0.35"
    with_importance(folder, (PLANTED, 0.15, 0.05, 0.9), *found[1:])
    assert rows(load_search_data(folder))["Importance"].startswith("above the planted noise: none;")
    plot = importance_plot(load_search_data(folder))
    assert plot is not None and "n = 3 complete trials" in plot.caption and "up to 0.90" in plot.caption


def test_an_analysis_of_fewer_trials_is_said_to_be_old(tmp_path: Path) -> None:
    folder = search_at(tmp_path, 0.7, 0.8, 0.9)
    write_table(folder, "ranges", range_rows(TWO, some_trials(0.7, 0.8, 0.9)))
    with_importance(folder, ("encoder", 0.6, 0.3, 0.8), n_trials=2)
    (words,) = notices(load_search_data(folder))
    assert "from 2 complete trials; there are 3 now" in words
    with_importance(folder, ("encoder", 0.6, 0.3, 0.8), n_trials=3)
    assert notices(load_search_data(folder)) == []


def test_parts_of_ranges_in_words(tmp_path: Path) -> None:
    trials = some_trials(0.7, 0.9)
    folder = write_search(tmp_path, make_search(TWO), trials)
    write_table(folder, "ranges", range_rows(TWO, trials), RANGES)
    table = ranges_table(load_search_data(folder))
    assert table is not None
    words = table.words.set_index(["setting", "part"])
    found = words.loc[("latent_dim", "32 to 55"), ["trials", "mean accuracy, %", "best, %"]]
    assert found.tolist() == ["2", "80.0", "90.0"]
    assert words.loc[("encoder", "shared"), "standard error, points"] == "-"  # one trial


@pytest.mark.usefixtures("no_drawing")
def test_without_an_analysis_the_rest_is_drawn_and_the_command_named(tmp_path: Path) -> None:
    folder = search_at(tmp_path / "results", 0.7, 0.8, None, 0.9)
    html, markdown = report(folder)
    command = "leo-bench search search --profile cpu"
    for text in (html, markdown):
        assert "Missing: analysis/importance.csv and analysis/ranges.csv." in text and command in text
        assert "Importance needs more complete trials" in text
    assert f"<code>{command}</code> makes what is missing" in html
    assert "`" not in re.sub(r"<script>.*</script>", "", html, flags=re.DOTALL)
    assert importance_plot(load_search_data(folder)) is None
    write_table(folder, "importance", [], IMPORTANCE)
    assert "Importance needs more complete trials" in report(folder)[1]
    with_importance(folder, ("encoder", 0.6, 0.3, 0.8), ("latent_dim", 0.2, 0.1, 0.3))
    assert "Missing: analysis/ranges.csv." in report(folder)[1]
    assert importance_plot(load_search_data(folder)) is not None


# Searches that have just begun, and broken ones


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize("objectives", [["accuracy"], ["accuracy", "multiply_adds"]])
@pytest.mark.parametrize("accuracies", [(), (None,), (0.8,), (0.8, 0.8)])
def test_a_search_that_has_just_begun_has_a_report(
    tmp_path: Path, accuracies: tuple[float | None, ...], objectives: list[str]
) -> None:
    trials = [
        trial.model_copy(update={"values": [*trial.values, 1e8][: len(objectives)]}) if trial.values else trial
        for trial in some_trials(*accuracies)
    ]
    folder = write_search(tmp_path / "results", make_search(TWO, objectives=objectives), trials)
    assert importance_plot(load_search_data(folder)) is None
    for text in report(folder):
        assert ("no trial is complete yet" in text) == (not any(accuracies))
        assert ("none started" in text) == (not accuracies)


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("search.json", "{", "truncated or not JSON"),
        ("trials.json", None, "trials.json is missing"),
        ("best.json", "{}", "study: Field required"),
        ("analysis/importance.csv", "", "is no table"),
        ("analysis/importance.csv", "a,b\n1,2\n1,2,3\n", r"saw 3\); remove"),  # pandas ends its words with a new line
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
    plot = importance_plot(load_search_data(folder))
    out = folder.parents[1] / "reports" / folder.name
    assert 'id="figure-importance"' in html and "](figures/importance.png)" in markdown
    assert (out / "figures/importance.svg").is_file() and (out / "figures/importance.png").is_file()
    assert plot is not None and "n = " in plot.caption
    assert all("omniglot 5f1c0ffe, 28x28 px, 5-way 1-shot, validation" in panel.subtitle for panel in plot.panels)
    tables = set(re.findall(r'id="table-([^"]+)"', html))
    assert tables == {"test", "ranges"}
    assert all((out / f"tables/{name}.csv").is_file() for name in tables)
    for word in ("abc123def456", "Some CPU", "2 workers, resumed once", "100, 101, 102, 103, 104", "pareto_best-cpu"):
        assert word in html and word in markdown


def test_pages_are_the_same_bytes_wherever_the_results_lie(tmp_path: Path) -> None:
    folder = write_big_search(tmp_path / "results", n_trials=14)
    shutil.copytree(tmp_path / "results", tmp_path / "elsewhere/results")
    first = write_search_report(folder, tmp_path / "a").parent
    second = write_search_report(tmp_path / "elsewhere/results" / folder.name, tmp_path / "b").parent
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(names) > 5
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_published_searches_hold_their_runs_themselves(tmp_path: Path) -> None:
    folder = write_big_search(tmp_path / "results", n_trials=14)
    official = tmp_path / "results/official" / folder.name
    shutil.copytree(folder, official)
    shutil.copytree(tmp_path / "results/runs", official / "runs")
    shutil.rmtree(tmp_path / "results/runs")
    assert load_search_data(folder).results == [] and load_search_data(folder).data_name == "omniglot"
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
    pages = [reports / "ablations-cpu/report.html", reports / "search-cpu/report.html"]
    assert rebuild_all(results, reports) == (pages, [])
    index = (reports / "index.html").read_text()
    assert '<a href="search-cpu/report.html">Which settings in the documented ranges are best' in index
    assert "Best on validation: trial 1, 90.0%" in index
    (results / "broken-cpu").mkdir()
    (results / "broken-cpu/search.json").write_text("{")
    made, (broken,) = rebuild_all(results, reports)
    assert made == pages and "broken-cpu" in broken
    shutil.rmtree(reports)
    assert main(["report", str(results / "search-cpu"), "--reports", str(reports)]) == 0
    assert capsys.readouterr().out.strip() == str(reports / "search-cpu/report.html")
    assert 'href="search-cpu/report.html"' in (reports / "index.html").read_text()


def test_values_are_written_short() -> None:
    assert [value_words(value) for value in (True, 96, 0.021345, "shared")] == ["true", "96", "0.0213", "shared"]
    data = make_search(TWO)
    assert data.base["test_split"] == "val" and data.test["test_split"] == "test"
