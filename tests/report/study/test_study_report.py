"""Reports over hand-made results: hand-computed numbers, broken records named, nothing compared that may not be."""

import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results_fixture import Counts, make_plan, planned, seal, write_attempt, write_run, write_study
from search_fixture import make_search, make_trial, write_search

from leo_bench.config import make_settings
from leo_bench.records import Plan, StudyView, load_study, without_paths
from leo_bench.records.search import Best, Choice
from leo_bench.report import rebuild_all, write_index, write_report
from leo_bench.report.sentences import seed_words
from leo_bench.report.study.captions import subtitle
from leo_bench.report.study.figures import all_plots
from leo_bench.report.study.main_table import main_caption
from leo_bench.report.study.not_done import problems
from leo_bench.report.study.sentences import MOST_NAMED, answer, completeness, notices, verdict_lines
from leo_bench.report.study.switch import switch_plot
from leo_bench.report.study.switches import switch_variants
from leo_bench.running.publish import publish
from leo_bench.statistics.studies.differences import effects
from leo_bench.statistics.studies.study import load_study_data, not_comparable

CORRECT = {("leo", 0): 60, ("leo", 1): 63, ("none", 0): 66, ("none", 1): 66}
"""Correct answers of 75 queries: 80%, 84%, 88%, 88%."""
PAIR: dict[str, dict[str, Any]] = {"leo": {}, "none": {"relation": "none"}}
ONE_TEST = {"test_n_ways": (5,), "test_modes": ("mixed",), "inner_steps": 1}


def twelve_episodes(means: dict[tuple[str, int], int] = CORRECT) -> Counts:
    """A dozen episodes, three below and three above the mean by turns; one more correct answer each after adapting."""

    def counts(variant: str, seed: int, n_way: int, mode: str) -> np.ndarray:
        after = means.get((variant, seed), 60) + np.array([-3, 3] * 6)
        return np.stack([after - 1, after], axis=1)

    return counts


def build(
    results: Path,
    variants: dict[str, dict[str, Any]] = PAIR,
    seeds: tuple[int, ...] = (0, 1),
    n_done: int | None = None,
    **changes: Any,
) -> Plan:
    """A whole small study: every planned run done, or the first n_done."""
    given = {"switches": {"relation": ["leo", "none"]}, "base": ONE_TEST, **changes}
    plan = make_plan(variants, seeds, **given)
    for run in plan.runs[:n_done]:
        write_run(results, plan, run, twelve_episodes())
    write_study(results, plan)
    return plan


def report(tmp_path: Path) -> tuple[str, str]:
    """Write the report of the study in tmp_path/results; its HTML and Markdown."""
    page = write_report(tmp_path / "results/ablations-cpu", tmp_path / "reports/ablations-cpu")
    return page.read_text(), page.with_suffix(".md").read_text()


def table(tmp_path: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(tmp_path / f"reports/ablations-cpu/tables/{name}.csv")


def test_effects_by_hand(tmp_path: Path) -> None:
    build(tmp_path / "results")
    row = effects(load_study_data(tmp_path / "results/ablations-cpu"), (5, "mixed")).iloc[0]
    assert row["sd"] == pytest.approx(np.sqrt(0.0008))
    # Mean 0.06 and standard error 0.02: 2.75 errors from the margin of 0.005. With 1 degree of freedom t is Cauchy's.
    assert row["p"] == pytest.approx(2 * (1 / 2 - np.arctan(2.75) / np.pi))
    assert row["holm_p"] == row["p"]
    assert row["seeds_to_settle"] > 2


def test_a_variant_with_the_baselines_settings_is_no_comparison(tmp_path: Path) -> None:
    build(tmp_path / "results", {**PAIR, "same": {"latent_dim": 64}})
    row = effects(load_study_data(tmp_path / "results/ablations-cpu"), (5, "mixed")).set_index("variant").loc["same"]
    assert not row["compared"] and np.isnan(row["difference"])
    assert row["note"] == "the very same run: its settings are those of leo"


@pytest.mark.usefixtures("no_drawing")
def test_one_seed_speaks_of_two_trained_models_only(tmp_path: Path) -> None:
    build(tmp_path / "results", seeds=(0,))
    html, markdown = report(tmp_path)
    rows = table(tmp_path, "main").set_index("variant")
    # Every episode differs by 6 of 75, so the interval over episodes has width 0.
    assert rows.loc["none", ["difference", "difference_low", "difference_high"]].tolist() == pytest.approx([0.08] * 3)
    assert rows.loc["none", "verdict"] == "one seed"
    assert rows.loc["leo", "interval_over"] == "episodes"
    half = 1.96 * (3 / 75) / np.sqrt(11)  # sd with n - 1 is 3 / 75 * sqrt(12 / 11)
    assert rows.loc["leo", "high"] - rows.loc["leo", "low"] == pytest.approx(2 * half)
    for text in (html, markdown):
        assert "one seed" in text and "nothing about other seeds" in text
        assert f"80.0 ± {100 * half:.1f} e" in text


def test_holm_is_over_the_variants_compared(tmp_path: Path) -> None:
    variants = {**PAIR, **{f"lr{index}": {"inner_lr": 0.01 * (index + 2)} for index in range(3)}}
    build(tmp_path / "results", variants)
    frame = effects(load_study_data(tmp_path / "results/ablations-cpu"), (5, "mixed")).set_index("variant")
    assert frame.loc["none", "holm_p"] == pytest.approx(min(1, 4 * frame.loc["none", "p"]), abs=1e-9)


def break_truncated(folder: Path) -> None:
    path = folder / "result.json"
    path.write_text(path.read_text()[:200])


def break_nan(folder: Path) -> None:
    path = folder / "result.json"
    path.write_text(re.sub(r'"train_seconds": [\d.]+', '"train_seconds": NaN', path.read_text()))


def make_stale(folder: Path) -> None:
    """Give the training and its tests another source."""
    for path in folder.rglob("result.json"):
        path.write_text(path.read_text().replace("0123456789ab", "ba9876543210"))
        seal(path)


@pytest.mark.usefixtures("no_drawing")
def test_a_run_with_broken_counts_is_named_and_the_rest_reported(tmp_path: Path) -> None:
    """Other ways to be broken: all at once in test_study_by_hand.py, each with its words in test_records.py."""
    plan = build(tmp_path / "results")
    broken = next(run for run in plan.runs if (run.variant, run.seed) == ("none", 1))
    for path in (tmp_path / "results/runs" / broken.run_key).glob("tests/*/episodes.npz"):
        path.write_bytes(b"PK")
    html, markdown = report(tmp_path)
    row = table(tmp_path, "not-done").iloc[0]
    assert (row["status"], row["variant"], row["seed"], row["run_key"]) == ("corrupt", "none", 1, broken.run_key)
    for text in (html, markdown):
        assert broken.run_key in text and "episodes.npz is missing or damaged" in text
        assert "3 of 4 planned runs are done (1 corrupt)" in text
        assert str(tmp_path) not in text
    rows = table(tmp_path, "main").set_index("variant")
    assert rows.loc["none", "accuracy"] == pytest.approx(0.88)
    assert rows.loc["none", "verdict"] == "one seed"
    assert rows.loc["leo", "n_seeds"] == 2


@pytest.mark.usefixtures("no_drawing")
def test_a_difference_of_one_shared_seed_is_marked_though_the_variant_has_more(tmp_path: Path) -> None:
    """Its interval is over the episodes of one pair of models, whatever the variant's own interval is over."""
    plan = build(tmp_path / "results")
    shutil.rmtree(tmp_path / "results/runs" / next(run for run in plan.runs if run.variant == "leo").run_key)
    _, markdown = report(tmp_path)
    row = table(tmp_path, "main").set_index("variant").loc["none"]
    assert (row["n_seeds"], row["interval_over"], row["difference_over"]) == (2, "seeds", "episodes")
    assert "+4.0 [+4.0, +4.0] e" in markdown  # 66 of 75 against 63 in every episode


@pytest.mark.usefixtures("no_drawing")
def test_without_a_run_of_the_baseline_the_caption_gives_no_margin(tmp_path: Path) -> None:
    plan = build(tmp_path / "results")
    for run in plan.runs:
        if run.variant == "leo":
            shutil.rmtree(tmp_path / "results/runs" / run.run_key)
    html, markdown = report(tmp_path)
    for text in (html, markdown):
        assert not re.search(r"\bnan\b", text)
    assert "The baseline has no run yet" in main_caption(load_study_data(tmp_path / "results/ablations-cpu"))


@pytest.mark.usefixtures("no_drawing")
def test_a_variant_on_another_data_set_is_named_and_changes_nothing_else(tmp_path: Path) -> None:
    """Its source digest is another one, because the data set's validation alphabets count."""
    variants = {**PAIR, "drawn": {"dataset": "glyphs"}}
    plan = make_plan(variants, (0, 1), switches={"relation": ["leo", "none"]}, base={**ONE_TEST, "dataset": "omniglot"})
    runs = [
        run.model_copy(update={"numerics": "of glyphs" if run.variant == "drawn" else run.numerics})
        for run in plan.runs
    ]
    plan = plan.model_copy(update={"runs": runs})
    for run in plan.runs:
        write_run(tmp_path / "results", plan, run, twelve_episodes(), numerics=run.numerics)
    write_study(tmp_path / "results", plan)
    data = load_study_data(tmp_path / "results/ablations-cpu")
    assert notices(data) == ["drawn: trained on glyphs, not on omniglot as the baseline, and so not compared with it."]
    assert "glyphs" not in answer(data)[0]
    assert "glyphs" not in main_caption(data) and "glyphs" not in subtitle(data, "leo", "none")
    assert "numerics" not in not_comparable(data, data.headline)["drawn"]
    publish(tmp_path / "results", "ablations", "cpu", partial=False)


@pytest.mark.usefixtures("no_drawing")
def test_missing_and_failed_runs_are_named(tmp_path: Path) -> None:
    plan = make_plan(PAIR, (0, 1), base=ONE_TEST, switches={"relation": ["leo", "none"]})
    first, failed, *_ = plan.runs
    write_run(tmp_path / "results", plan, first, twelve_episodes())
    message = f"loss is NaN after 40 episodes; see {tmp_path}/results/runs/x/log.txt; lower <outer_lr>"
    write_attempt(tmp_path / "results", failed, "failed", message, 40)
    write_study(tmp_path / "results", plan)
    html, markdown = report(tmp_path)
    frame = table(tmp_path, "not-done")
    assert list(frame["status"]) == ["failed", "missing", "missing"]
    assert "loss is NaN after 40 episodes; see runs/x/log.txt" in markdown
    assert "lower &lt;outer_lr&gt;" in html and "lower <outer_lr>" not in html
    assert "1 of 4 planned runs are done (1 failed, 2 missing)" in html
    assert f"leo-bench reproduce --key {first.run_key}<" in html
    part = "leo-bench study ablations --profile cpu --only"
    assert (failed.variant, failed.seed) == ("none", 0)
    assert f"{part} none --seeds 0 --retry<" in html and f"{part} leo --seeds 1<" in html
    assert "run --key" not in html + markdown
    assert "leo-bench study ablations --profile cpu --only none --seeds 0-1" in markdown


def forty_of_each(n_steps: int, *_: Any) -> np.ndarray:
    return np.full((12, n_steps), 40)


FIVE_WAY = {"inner_lr": 0.5, "test_n_ways": (5,)}


def test_a_switch_with_one_comparable_variant_has_no_curves_beside_the_baseline(tmp_path: Path) -> None:
    variants = {**PAIR, "still": {"inner_steps": 0}, "five_way": FIVE_WAY, "five": {"k_shot": 5}}
    base = {"test_n_ways": (5, 20), "test_modes": ("mixed",), "inner_steps": 2}
    plan = make_plan(variants, (0, 1), base=base, switches={"inner_steps": ["leo", "still"], "k_shot": ["five"]})
    for run in plan.runs:
        steps = [0] if run.variant == "still" else [0, 1, 2]
        write_run(tmp_path, plan, run, partial(forty_of_each, len(steps)), steps=steps)
    plots = all_plots(load_study_data(write_study(tmp_path, plan)))
    assert [panel.title for panel in plots["curves"].panels] == ["inner_steps", "k_shot, not compared"]


def test_validation_curves_of_runs_trained_on_validation_characters_are_in_sample(tmp_path: Path) -> None:
    build(tmp_path / "results", base={**ONE_TEST, "train_classes": "trainval"})
    plot = all_plots(load_study_data(tmp_path / "results/ablations-cpu"))["curves"]
    frame: pd.DataFrame = plot.panels[0].draw.args[0]  # type: ignore[attr-defined]
    assert set(frame["label"]) == {"pairwise, in-sample", "none, in-sample"} and frame["in_sample"].all()
    assert "Dotted, in-sample: this model was trained on the validation characters too" in plot.caption
    build(tmp_path / "train")
    plot = all_plots(load_study_data(tmp_path / "train/ablations-cpu"))["curves"]
    assert "in-sample" not in plot.caption + plot.panels[0].alt


@pytest.mark.usefixtures("no_drawing")
def test_tables_explain_what_is_not_there_and_lead_with_the_verdict(tmp_path: Path) -> None:
    build(tmp_path / "results")
    html, markdown = report(tmp_path)
    for text in (html, markdown):
        assert "Paired differences on every test" in text and "read them as upper bounds" in text
    heads = next(line for line in markdown.splitlines() if line.startswith("| variant"))
    names = [name.strip() for name in heads.strip("|").split("|")]
    assert names[1:4] == ["5-way mixed, %", "difference, points", "verdict"]
    assert markdown.count('"-": not scored on that test, or nothing to compare with.') == 1
    assert "navigator.clipboard" in html


@pytest.mark.parametrize("n_done", [0, 1])
def test_a_study_that_has_just_begun_has_a_report(tmp_path: Path, n_done: int) -> None:
    plan = make_plan(PAIR, (0, 1), base=ONE_TEST, switches={"step": ["leo", "none"], "decode": []})
    for run in plan.runs[:n_done]:
        write_run(tmp_path / "results", plan, run, twelve_episodes())
    write_study(tmp_path / "results", plan)
    html, markdown = report(tmp_path)
    assert f"{n_done} of 4 planned runs are done" in html
    assert ("nothing can be compared" in markdown) == (n_done == 0)


@pytest.mark.usefixtures("no_drawing")
def test_a_variant_alone_and_a_study_without_switches(tmp_path: Path) -> None:
    build(tmp_path / "results", {"leo": {}}, switches={})
    html, _ = report(tmp_path)
    assert "82.0 ± 25.4" in html


@pytest.mark.usefixtures("no_drawing")
def test_many_changes_are_cut_in_the_page_and_whole_in_the_csv(tmp_path: Path) -> None:
    many = {
        "latent_dim": 8,
        "relation": "none",
        "inner_lr": 0.02,
        "encoder": "shared",
        "outer_lr": 0.01,
        "clip_norm": 2.0,
    }
    build(tmp_path / "results", {"leo": {}, "other": many}, switches={"latent_dim": ["leo", "other"]})
    html, markdown = report(tmp_path)
    assert "and 2 more" in html and "and 2 more" in markdown
    changed = table(tmp_path, "main").set_index("variant").loc["other", "changed"]
    assert all(name in changed for name in many)


def test_a_published_report_leaves_vector_drawings_to_an_unpublished_one(tmp_path: Path) -> None:
    build(tmp_path / "results")
    target = tmp_path / "reports" / "official" / "ablations-cpu"
    (target / "figures").mkdir(parents=True)
    (target / "figures" / "effects.svg").write_text("of an earlier time")
    page = write_report(tmp_path / "results/ablations-cpu", target)
    assert {path.suffix for path in (target / "figures").iterdir()} == {".png"}
    assert {path.suffix for path in (target / "tables").iterdir()} == {".csv"}
    assert "<svg " in page.read_text()


def test_a_report_made_again_loses_what_it_no_longer_has_and_leaves_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    (folder / "figures").mkdir(parents=True)
    (folder / "tables").mkdir()
    gone = ["figures/old.png", "figures/old.svg", "tables/old.csv"]
    for name in [*gone, "figures/mine.png", "tables/mine.csv", "notes.md"]:
        (folder / name).touch()
    (folder / "report.md").write_text("![A drawing](figures/old.png)\n")
    (folder / "report.html").write_text('<table id="table-old"></table>')
    build(tmp_path / "results")
    write_report(tmp_path / "results/ablations-cpu", folder)
    assert not [name for name in gone if (folder / name).exists()]
    assert all((folder / name).exists() for name in ("figures/mine.png", "tables/mine.csv", "notes.md"))
    for made in ("figures/effects.png", "figures/effects.svg", "tables/main.csv", "tables/redo.csv"):
        assert (folder / made).exists()
    first = {path.relative_to(folder) for path in folder.rglob("*")}
    write_report(tmp_path / "results/ablations-cpu", folder)
    assert {path.relative_to(folder) for path in folder.rglob("*")} == first


@pytest.mark.usefixtures("no_drawing")
def test_transductive_variants_have_a_table_and_a_figure_of_their_own(tmp_path: Path) -> None:
    names = ("ours", "theirs")
    results, variants = (
        tmp_path / "results",
        {"leo": {}, "ours": {"relation": "none"}, "theirs": {"latent_dim": 32}},
    )
    plan = build(results, variants, switches={"kind": ["leo", *names]}).model_copy(
        update={"against": {"theirs": "ours"}}
    )
    for run in plan.runs:
        if run.variant in names:
            write_run(results, plan, run, twelve_episodes(), batch_norm="transductive")
    data = load_study_data(write_study(results, plan))
    assert switch_variants(data, "kind") == list(names)
    _, markdown = report(tmp_path)
    assert table(tmp_path, "main")["variant"].tolist() == ["leo"]
    own = table(tmp_path, "transductive").set_index("variant")["verdict"]
    assert own["ours"] == "not compared" and own["theirs"] == "no difference that matters"
    assert "### Transductive" in markdown and "### Not set against the baseline" not in markdown


@pytest.mark.usefixtures("no_drawing")
def test_inductive_variants_have_a_table_of_their_own_beside_a_transductive_baseline(tmp_path: Path) -> None:
    results = tmp_path / "results"
    plan = build(results, {"leo": {}, "ours": {"relation": "none"}}, switches={"kind": ["leo", "ours"]})
    for run in plan.runs:
        if run.variant == "leo":
            write_run(results, plan, run, twelve_episodes(), batch_norm="transductive")
    data = load_study_data(write_study(results, plan))
    assert switch_variants(data, "kind") == ["leo", "ours"]  # one alone is no figure
    _, markdown = report(tmp_path)
    assert table(tmp_path, "main")["variant"].tolist() == ["leo"]
    assert table(tmp_path, "inductive")["variant"].tolist() == ["ours"]
    assert "### Inductive" in markdown


def test_other_shots_are_shown_but_not_paired(tmp_path: Path) -> None:
    build(tmp_path / "results", {"leo": {}, "five": {"k_shot": 5}}, switches={"k_shot": ["leo", "five"]})
    _, markdown = report(tmp_path)
    row = table(tmp_path, "not-compared").iloc[0]
    assert row["variant"] == "five" and np.isnan(row["difference"])
    assert "k_shot 5 against 1; training images 200,000 against 160,000" in markdown
    assert "97 to 99%" in markdown
    figure = (tmp_path / "reports/ablations-cpu/figures/switch-k_shot.svg").read_text()
    assert "document: 95 to 98%; 97 to 99% (105x105 pixels)" in figure


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_digest": "deadbeef"}, "data digest deadbeef against 5f1c0ffee5f1"),
        ({"n_train_images": 7}, "training images 7 against 160,000"),
        ({"batch_norm": "transductive"}, "batch norm transductive against running"),
        ({"numerics": "ba9876543210"}, "numerics digest ba9876543210 against 0123456789ab"),
    ],
)
def test_unequal_conditions_are_refused_in_words(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    plan = build(tmp_path / "results")
    for run in plan.runs:
        if run.variant == "none":
            write_run(tmp_path / "results", plan, run, twelve_episodes(), **change)
    write_study(tmp_path / "results", plan.model_copy(update={"accept_stale": True}))
    _, markdown = report(tmp_path)
    assert words in markdown
    assert table(tmp_path, "main")["variant"].tolist() == ["leo"]


@pytest.mark.usefixtures("no_drawing")
def test_other_numbers_of_test_episodes_are_not_compared(tmp_path: Path) -> None:
    plan = build(tmp_path / "results", {"leo": {}, "none": {"relation": "none", "n_test_episodes": 24}}, n_done=0)
    for run in plan.runs:
        times = 2 if run.variant == "none" else 1
        write_run(tmp_path / "results", plan, run, lambda *given, n=times: np.tile(twelve_episodes()(*given), (n, 1)))
    _, markdown = report(tmp_path)
    assert "test episodes 24 against 12" in markdown
    assert table(tmp_path, "main")["variant"].tolist() == ["leo"]


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dataset": "glyphs"}, "data set glyphs against omniglot"),
        ({"class_split": "random"}, "class split random against lake"),
        ({"train_classes": "trainval"}, "training classes trainval against train"),
        ({"image_size": 105}, "image size 105 against 28"),
        ({"n_query": 16}, "n_query 16 against 15"),
        ({"n_train_episodes": 4000}, "training images 320,000 against 160,000"),
    ],
)
def test_other_data_splits_and_budgets_are_in_no_comparison(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    build(tmp_path / "results", {"leo": {}, "same": {"relation": "none"}, "other": settings}, switches={})
    _, markdown = report(tmp_path)
    assert words in markdown
    assert table(tmp_path, "main")["variant"].tolist() == ["leo", "same"]
    assert table(tmp_path, "not-compared")["variant"].tolist() == ["other"]


@pytest.mark.usefixtures("no_drawing")
def test_inductive_batch_norm_modes_are_compared_and_named(tmp_path: Path) -> None:
    plan = build(tmp_path / "results")
    for run in plan.runs:
        if run.variant == "none":
            write_run(tmp_path / "results", plan, run, twelve_episodes(), batch_norm="support")
    _, markdown = report(tmp_path)
    assert "part of the change: batch norm support against running" in markdown
    assert table(tmp_path, "main").set_index("variant").loc["none", "difference"] == pytest.approx(0.06)


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_seeds_that_disagree_are_not_averaged(tmp_path: Path, seed: int) -> None:
    plan = build(tmp_path / "results", seeds=(0, 1, 2))
    odd = next(run for run in plan.runs if (run.variant, run.seed) == ("none", seed))
    write_run(tmp_path / "results", plan, odd, twelve_episodes(), data_digest="deadbeef")
    html, markdown = report(tmp_path)
    for text in (html, markdown):
        assert f"none, seed {seed} (run {odd.run_key}): data digest deadbeef against 5f1c0ffee5f1" in text
    assert table(tmp_path, "main").set_index("variant").loc["none", "n_seeds"] == 2


@pytest.mark.usefixtures("no_drawing")
def test_accepted_stale_runs_are_not_compared_with_fresh_ones(tmp_path: Path) -> None:
    plan = build(tmp_path / "results")
    for run in plan.runs:
        if run.variant == "none":
            make_stale(tmp_path / "results/runs" / run.run_key)
    write_study(tmp_path / "results", plan.model_copy(update={"accept_stale": True}))
    _, markdown = report(tmp_path)
    assert "numerics digest ba9876543210 against 0123456789ab" in markdown
    assert "Runs come from 2 versions of the source" in markdown


@pytest.mark.usefixtures("no_drawing")
def test_learners_with_digests_of_their_own_are_one_version_of_the_source(tmp_path: Path) -> None:
    base = {"test_n_ways": (5,), "test_modes": ("mixed",)}
    plan = make_plan({"leo": {}, "proto": {"learner": "protonet"}}, (0, 1), base=base, numerics=None)
    assert len({run.numerics for run in plan.runs}) == 2
    for run in plan.runs:
        write_run(tmp_path / "results", plan, run, lambda variant, *_: np.full((12, 6 if variant == "leo" else 1), 60))
    write_study(tmp_path / "results", plan)
    _, markdown = report(tmp_path)
    assert "versions of the source" not in markdown


def test_glyphs_are_never_set_against_the_document(tmp_path: Path) -> None:
    build(tmp_path / "results", base={**ONE_TEST, "dataset": "glyphs"})
    html, markdown = report(tmp_path)
    for text in (html, markdown):
        assert "measured on glyphs" in text and "not Omniglot" in text
        assert "document expects" not in text and "documented 95" not in text


def test_pages_are_the_same_bytes_wherever_the_results_lie(tmp_path: Path) -> None:
    plan = build(tmp_path / "results", switches={})
    break_nan(tmp_path / "results/runs" / plan.runs[-1].run_key)
    shutil.copytree(tmp_path / "results", tmp_path / "elsewhere/results")
    first = write_report(tmp_path / "results/ablations-cpu", tmp_path / "a").parent
    second = write_report(tmp_path / "elsewhere/results/ablations-cpu", tmp_path / "b").parent
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(names) > 10
    assert names == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_page_stands_alone_and_describes_its_figures(tmp_path: Path) -> None:
    build(tmp_path / "results")
    html, markdown = report(tmp_path)
    links = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')\s>]+)', html)
    outside = [link for link in links if not link.startswith(("#", "data:"))]
    assert outside == []
    assert "@import" not in html and "<link" not in html.replace('<link rel="icon" href="data:,">', "")
    pictures = re.findall(r"<svg [^>]*>", html)
    assert pictures and all('role="img"' in tag and re.search(r'aria-label="[^"]{20,}"', tag) for tag in pictures)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    linked = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", markdown)
    assert {name for _, name in linked} >= {"figures/switch-relation.png", "figures/effects.png", "figures/cost.png"}
    assert all((tmp_path / "reports/ablations-cpu" / name).is_file() and alt for alt, name in linked)
    for word in ("commit", "abc123def456", "0123456789ab", "Some CPU", "torch 2.15.0", "total compute", "6.0 minutes"):
        assert word in html and word in markdown


def test_switches_take_the_baseline_in_by_value(tmp_path: Path) -> None:
    variants = {"leo": {}, "small": {"latent_dim": 8}, "large": {"latent_dim": 128}, "none": {"relation": "none"}}
    build(tmp_path / "results", variants, switches={"latent_dim": ["small", "large"], "relation": ["none"]})
    data = load_study_data(tmp_path / "results/ablations-cpu")
    assert switch_variants(data, "latent_dim") == ["small", "leo", "large"]
    assert switch_variants(data, "relation") == ["leo", "none"]


@pytest.mark.usefixtures("no_drawing")
def test_the_answer_is_three_sentences_and_table_and_effects_follow_at_once(tmp_path: Path) -> None:
    build(tmp_path / "results", {**PAIR, "five": {"k_shot": 5}})
    html, markdown = report(tmp_path)
    sentences = answer(load_study_data(tmp_path / "results/ablations-cpu"))
    assert len(sentences) == 3
    order = [*sentences, 'id="table-main"', 'id="figure-effects"', 'id="table-not-compared"', 'id="switch-relation"']
    body = html.split("</style>", 1)[1]
    assert sorted(order, key=body.index) == order
    order = [*sentences, "## Main table", "### What each change is worth", "### Not set against", "## relation"]
    assert sorted(order, key=markdown.index) == order
    assert f'<meta name="description" content="{" ".join(sentences)}">' in html
    question = load_study_data(tmp_path / "results/ablations-cpu").plan.question
    for words in (f"<title>{question}</title>", f"<h1>{question}</h1>", "Study ablations, profile cpu"):
        assert words in html
    assert markdown.startswith(f"# {question}\n\nStudy ablations, profile cpu\n")


@pytest.mark.usefixtures("no_drawing")
def test_verdicts_are_counted_and_each_row_has_its_command(tmp_path: Path) -> None:
    variants = {"leo": {}, "bad": {"decode": "task"}, "same": {"inner_lr": 0.05}, "five": {"k_shot": 5}}
    plan = make_plan(variants, range(6), base=ONE_TEST)
    for run in plan.runs:
        write_run(tmp_path / "results", plan, run, twelve_episodes({("bad", seed): 15 for seed in range(6)}))
    write_study(tmp_path / "results", plan)
    html, markdown = report(tmp_path)
    assert '<meta name="verdicts" content="1 worse, 1 no difference that matters">' in html
    assert '<li class="worse">1 worse</li><li class="same">1 no difference that matters</li>' in html
    assert "Verdicts on the first test: 1 worse, 1 no difference that matters." in markdown
    main = html[html.index('id="table-main"') : html.index('id="table-not-compared"')]
    commands = re.findall(r'<tr data-command="([^"]+)"><th scope="row">([^<]+)<', main)
    part = "leo-bench study ablations --profile cpu --only"
    assert commands == [(f"{part} {name} --seeds 0-5", name) for name in ("leo", "bad", "same")]
    index = write_index(tmp_path / "reports").read_text()
    assert '<li class="worse">1 worse</li>' in index and plan.question in index


@pytest.mark.usefixtures("no_drawing")
def test_every_table_and_figure_has_a_link_to_itself(tmp_path: Path) -> None:
    build(tmp_path / "results")
    html, _ = report(tmp_path)
    places = re.findall(r'\sid="((?:table|figure)-[^"]+)"', html)
    assert {"table-main", "figure-effects", "table-redo"} <= set(places)
    assert re.findall(r'<a class="permalink" href="#([^"]+)"', html) == places


@pytest.mark.usefixtures("no_drawing")
def test_every_table_is_there_as_csv(tmp_path: Path) -> None:
    build(tmp_path / "results")
    html, _ = report(tmp_path)
    names = set(re.findall(r'id="table-([^"]+)"', html))
    assert {"main", "effects", "redo"} <= names
    for name in names:
        assert (tmp_path / f"reports/ablations-cpu/tables/{name}.csv").is_file(), name


def test_answer_names_what_matters(tmp_path: Path) -> None:
    variants = {"leo": {}, "bad": {"decode": "task"}, "same": {"inner_lr": 0.05}}
    plan = make_plan(variants, range(6), base=ONE_TEST)
    means = {("bad", seed): 15 for seed in range(6)}
    for run in plan.runs:
        write_run(tmp_path / "results", plan, run, twelve_episodes(means))
    write_study(tmp_path / "results", plan)
    data = load_study_data(tmp_path / "results/ablations-cpu")
    assert answer(data)[1:3] == ["Worse: bad (-60.0).", "No difference that matters: same (+0.0)."]


@pytest.mark.usefixtures("no_drawing")
def test_rebuild_all_and_index(tmp_path: Path) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    plan = build(results)
    official = results / "official/ablations-cpu"
    shutil.copytree(results / "ablations-cpu", official)
    shutil.copytree(results / "runs", official / "runs")
    assert load_study(official).folder == official
    made, _ = rebuild_all(results, reports)
    assert made == [reports / "ablations-cpu/report.html", reports / "official/ablations-cpu/report.html"]
    index = (reports / "index.html").read_text()
    assert index.index('href="official/ablations-cpu/report.html"') < index.index('href="ablations-cpu/report.html"')
    assert f"all {len(plan.runs)} planned runs are done" in index
    assert "report.html" in write_index(reports).read_text()
    bench = reports / "official/bench/report.html"
    bench.parent.mkdir(parents=True)
    bench.write_text('<title>Bench &amp; marks</title><meta name="description" content="1 of 2 &lt; 3"><style>')
    index = write_index(reports).read_text()
    assert '<a href="official/bench/report.html">Bench &amp; marks</a> <small>published</small>' in index
    assert "<p>1 of 2 &lt; 3</p>" in index


@pytest.mark.usefixtures("no_drawing")
def test_a_broken_study_does_not_keep_the_others_from_their_reports(tmp_path: Path) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    build(results)
    (results / "broken-cpu").mkdir()
    (results / "broken-cpu/study.json").write_text("{")
    made, (broken,) = rebuild_all(results, reports)
    assert made == [reports / "ablations-cpu/report.html"] and "broken-cpu" in broken
    assert (reports / "ablations-cpu/report.html").is_file()
    assert 'href="ablations-cpu/report.html"' in (reports / "index.html").read_text()


@pytest.mark.usefixtures("no_drawing")
def test_a_study_is_read_once_for_all_reports_that_are_made_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    variants: dict[str, dict[str, Any]] = {"leo": {}, "none": {"relation": "none"}, "long": {"latent_dim": 128}}
    for study, names in (("small", ("leo", "none")), ("large", ("leo", "none", "long"))):
        plan = make_plan({name: variants[name] for name in names}, [0, 1], study=study)
        for run in plan.runs:
            write_run(results, plan, run, lambda *_: np.full((12, 6), 50))
        write_study(results, plan)
    read: list[str] = []

    def counted(folder: Path) -> StudyView:
        read.append(folder.name)
        return load_study(folder)

    monkeypatch.setattr("leo_bench.statistics.studies.study.load_study", counted)
    rebuild_all(results, tmp_path / "reports")  # small leaves its comparison to large
    assert sorted(read) == ["large-cpu", "small-cpu"]
    rebuild_all(results, tmp_path / "reports")  # what changed since is seen
    assert len(read) == 4


def test_index_of_nothing_says_so(tmp_path: Path) -> None:
    assert "There is no report yet" in write_index(tmp_path).read_text()


def test_a_page_in_another_encoding_does_not_keep_the_index_from_the_others(tmp_path: Path) -> None:
    for name, title in (("first", b"<title>First</title>"), ("second", "<title>Zw\xf6lf</title>".encode("latin-1"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.html").write_bytes(title)
    index = write_index(tmp_path).read_text()
    assert '<a href="first/report.html">First</a>' in index and 'href="second/report.html"' in index


def test_small_words() -> None:
    assert seed_words([3, 0, 1, 2, 7]) == "0-3,7"
    assert seed_words([4]) == "4"
    machine = Path("/srv/someone")
    assert without_paths("see /srv/someone/runs/a/log.txt", machine) == "see runs/a/log.txt"
    assert without_paths("first bad file: /data/omniglot/a.png: cut", machine) == "first bad file: .../a.png: cut"
    assert without_paths("a / b, 3/4, https://x.org/a/b", machine) == "a / b, 3/4, https://x.org/a/b"


@pytest.mark.usefixtures("no_drawing")
def test_a_run_with_other_machine_settings_is_named_and_in_no_number(tmp_path: Path) -> None:
    plan = build(tmp_path / "results", n_done=3)
    (missing,) = [run for run in plan.runs if (run.variant, run.seed) == ("none", 1)]
    other = planned(make_settings({**missing.settings, "threads": 2}), "none")
    write_run(tmp_path / "results", plan, other, twelve_episodes())
    html, markdown = report(tmp_path)
    rows = table(tmp_path, "not-done")
    assert rows[["status", "variant", "seed", "run_key"]].values.tolist() == [
        ["not counted", "none", 1, other.run_key],
        ["missing", "none", 1, missing.run_key],
    ]
    message = f"run {other.run_key} has threads 2, not 1 as planned, so it is not counted"
    assert message in html and message in markdown
    assert "3 of 4 planned runs are done (1 missing)" in markdown
    assert table(tmp_path, "main").set_index("variant").loc["none", "n_seeds"] == 1


def test_what_the_profile_has_and_no_call_asked_for_is_named(tmp_path: Path) -> None:
    plan = build(tmp_path / "results", seeds=(0, 1))
    whole = {run.variant: [0, 1, 2] for run in plan.runs} | {"other": [0]}
    write_study(
        tmp_path / "results", plan.model_copy(update={"whole": whole, "labels": {**plan.labels, "other": "another"}})
    )
    view = load_study(tmp_path / "results/ablations-cpu")
    n_variants = len({run.variant for run in plan.runs})
    assert completeness(view) == (
        f"The study is not complete: {2 * n_variants} of {3 * n_variants + 1} planned runs are done "
        f"({n_variants + 1} not asked for). Variants of its profile without a run: another."
    )
    frame = problems(view)
    assert set(frame["status"]) == {"missing"} and sorted(frame["seed"]) == [0] + [2] * n_variants


def test_problems_are_worst_first(tmp_path: Path) -> None:
    plan = build(tmp_path / "results", seeds=(0, 1, 2))
    keys = [run.run_key for run in plan.runs]
    shutil.rmtree(tmp_path / "results/runs" / keys[0])
    make_stale(tmp_path / "results/runs" / keys[1])
    break_truncated(tmp_path / "results/runs" / keys[2])
    frame = problems(load_study(tmp_path / "results/ablations-cpu"))
    assert list(frame["status"]) == ["corrupt", "stale", "missing"]
    assert list(frame["run_key"]) == [keys[2], keys[1], keys[0]]


def test_the_command_of_a_row_names_the_options_of_the_call_and_the_search_of_a_study_without_file(
    tmp_path: Path,
) -> None:
    plan = make_plan({"leo": {"precision": "bfloat16"}, "none": {"precision": "bfloat16", "relation": "none"}}, [0, 1])
    write_study(tmp_path / "results", plan)
    _, markdown = report(tmp_path)
    call = "leo-bench study ablations --profile cpu --only none --seeds 0-1 --precision bfloat16"
    assert call in markdown
    choice = Choice(variant="leo", number=0, parameters={"latent_dim": 64}, values=[0.9])
    search = make_search(search="wide")
    write_search(tmp_path / "results", search, [make_trial(0, [0.9])], Best(study="ablations-cpu", choices=[choice]))
    _, markdown = report(tmp_path)
    assert "leo-bench search wide --profile cpu" in markdown and "leo-bench study ablations" not in markdown


def test_a_verdict_on_many_variants_names_the_largest_differences(tmp_path: Path) -> None:
    variants = {"leo": {}} | {f"v{number}": {"latent_dim": 65 + number} for number in range(MOST_NAMED + 2)}
    means = {(f"v{number}", 0): 57 - number for number in range(MOST_NAMED + 2)}
    plan = make_plan(variants, (0,), base=ONE_TEST)
    for run in plan.runs:
        write_run(tmp_path, plan, run, twelve_episodes(means))
    (line,) = verdict_lines(load_study_data(write_study(tmp_path, plan)))
    names = [f"v{number}" for number in reversed(range(2, MOST_NAMED + 2))]
    assert re.findall(r"v\d+", line) == names and line.endswith(", and 2 more.")


@pytest.mark.usefixtures("no_drawing")
def test_a_study_whose_baseline_is_not_done_at_its_own_ways_has_a_report(tmp_path: Path) -> None:
    variants: dict[str, dict[str, Any]] = {"leo": {}} | {
        name: {"n_way": 20, "test_n_ways": (20,), "latent_dim": size} for name, size in (("a", 8), ("b", 16))
    }
    switches = {"latent_dim": ["leo", "a", "b"], "step": ["leo", "a", "b"]}
    plan = make_plan(variants, (0, 1), base=ONE_TEST, switches=switches)
    for run in plan.runs:
        if run.variant != "leo":
            write_run(tmp_path / "results", plan, run, twelve_episodes())
    write_study(tmp_path / "results", plan)
    _, markdown = report(tmp_path)
    assert "which no run is scored on yet" in markdown and "means over 2 seeds" in markdown


def test_a_caption_speaks_of_references_only_where_one_is_drawn(tmp_path: Path) -> None:
    def caption(**reference: Any) -> str:
        results = tmp_path / "-".join(reference) / "results"
        variants = {**PAIR, "other": {"relation": "attention", **reference}}
        build(results, variants, references=["other"])
        plot = switch_plot(load_study_data(results / "ablations-cpu"), "relation")
        assert plot is not None
        return plot.caption

    assert "Below the line: references" in caption(latent_dim=8)
    assert "Below the line" not in caption(class_split="random")  # not comparable, so not drawn
