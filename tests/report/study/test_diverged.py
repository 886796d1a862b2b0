"""Trainings that ended with a NaN loss, in the report of their study."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from results_fixture import make_plan, write_attempt, write_run, write_study

from leo_bench.report import write_report
from leo_bench.report.study.diverged import diverged_table
from leo_bench.report.study.sentences import notices
from leo_bench.statistics.studies.study import StudyData, load_study_data

NAN = "the training loss became nan (gradient norm nan) by episode 400; lower inner_lr (now 1)"
N_SEEDS = 7


def studied(results: Path, diverged: dict[str, range], open_runs: Collection[tuple[str, int]] = ()) -> StudyData:
    """Return a study of three variants and seven seeds. diverged: variant -> seeds at which it ends with a NaN loss."""
    plan = make_plan({"base": {}, "slower": {"outer_lr": 1e-4}, "clipped": {"clip_norm": 0.1}}, range(N_SEEDS))
    for run in plan.runs:
        if (run.variant, run.seed) in open_runs:
            continue
        if run.seed in diverged.get(run.variant, ()):
            write_attempt(results, run, "failed", NAN)
        else:
            write_run(results, plan, run, lambda *_: np.full((12, 6), 50))
    return load_study_data(write_study(results, plan))


def test_shares_are_compared_over_the_seeds_that_both_have(tmp_path: Path) -> None:
    found = {"base": range(6), "clipped": range(1, 7)}
    table = diverged_table(studied(tmp_path, found, {("slower", 0)}))
    assert table is not None
    rows = {row["variant"]: row for row in table.numbers.to_dict("records")}
    kept = ("diverged", "ended", "shared_seeds", "it_alone", "other_alone")
    assert {name: tuple(row[of] for of in kept) for name, row in rows.items()} == {
        "base": (6, 7, 0, 0, 0),
        "slower": (0, 6, 6, 0, 5),  # its seed 0 is missing, so that of the baseline does not count
        "clipped": (6, 7, 7, 1, 1),  # seeds 6 and 0
    }
    # five seeds on one side of five: twice a half to the fifth; one of two: no difference at all
    assert rows["slower"]["p"] == pytest.approx(2 / 2**5) and rows["clipped"]["p"] == 1
    assert np.isnan(rows["base"]["p"])
    assert table.words["diverged"].tolist() == ["6 of 7", "0 of 6", "6 of 7"]
    assert table.words["shared seeds"].tolist() == ["-", "6", "7"]


def test_a_variant_beside_one_that_never_diverged_is_left_out(tmp_path: Path) -> None:
    table = diverged_table(studied(tmp_path, {"clipped": range(2)}))
    assert table is not None and table.numbers["variant"].tolist() == ["clipped"]


def test_a_training_that_variants_share_is_counted_once_and_one_that_trains_nothing_never(tmp_path: Path) -> None:
    variants: dict[str, dict[str, Any]] = {
        "base": {},
        "few": {"test_n_query": 4},
        "untrained": {"n_train_episodes": 0},
        "longer": {"n_train_episodes": 4000},
    }
    plan = make_plan(variants, range(2))
    for run in plan.runs:
        if run.seed == 0 and run.variant != "untrained":
            write_attempt(tmp_path, run, "failed", NAN)
        else:
            write_run(tmp_path, plan, run, lambda *_: np.full((12, 6), 5))
    data = load_study_data(write_study(tmp_path, plan))
    (note,) = (words for words in notices(data) if "NaN" in words)
    assert note.startswith("2 of 4 trainings ended with")  # two of base, which few shares, and two of longer
    table = diverged_table(data)
    assert table is not None
    rows = table.numbers.set_index("variant")
    assert list(rows.index) == ["base", "few", "longer"]
    assert rows["shared_seeds"].tolist() == [0, 2, 0]  # more images are not compared


def test_a_study_without_such_a_training_has_no_table(tmp_path: Path) -> None:
    data = studied(tmp_path, {}, {("slower", 3)})
    assert diverged_table(data) is None
    text = write_report(data.view.folder, tmp_path / "report").with_suffix(".md").read_text()
    assert "diverged" not in text and "20 of 21 planned runs are done (1 missing)" in text


def test_the_report_says_it_above_its_numbers(tmp_path: Path) -> None:
    data = studied(tmp_path, {"clipped": range(2)})
    page = write_report(data.view.folder, tmp_path / "report")
    text = page.with_suffix(".md").read_text()
    note = '2 of 21 trainings ended with a NaN or infinite loss and are in no mean: see "Trainings that diverged".'
    assert text.index(note) < text.index("## Main table") < text.index("## Trainings that diverged")
    assert "The study is complete: 19 of 21 planned runs are done, and the other 2 ended with a NaN or" in text
    html = page.read_text()
    assert '<a href="#diverged">' in html and html.count('id="diverged"') == 1
    assert (tmp_path / "report/tables/diverged.csv").read_text().startswith("variant,label,ended,diverged,against")
