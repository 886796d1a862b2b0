"""Two studies set against each other: what changed, what is equal bit for bit, what matters, and what is refused."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results_fixture import Counts, make_plan, write_run, write_study

from leo_bench.commands.cli import main
from leo_bench.commands.find_study import find_study
from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan
from leo_bench.report import write_comparison
from leo_bench.report.comparison.changes import _beyond, _differ, changed_conclusions
from leo_bench.report.comparison.data import Comparison, differences
from leo_bench.running.publish import publish
from leo_bench.statistics.studies.study import load_study_data

T2 = 4.302653
"""The 0.975 quantile of Student's t with 2 degrees of freedom, from any table."""
BASE = {"test_n_ways": (5,), "test_modes": ("mixed",), "inner_steps": 1}
VARIANTS: dict[str, dict[str, Any]] = {"leo": {}, "none": {"relation": "none"}}


def constant(correct: dict[tuple[str, int], int]) -> Counts:
    """A dozen episodes, all with the given number of correct answers of 75; 60 where none is given."""
    return lambda variant, seed, *_: np.full((12, 2), correct.get((variant, seed), 60))


def build(
    results: Path,
    correct: dict[tuple[str, int], int] | None = None,
    variants: dict[str, dict[str, Any]] = VARIANTS,
    seeds: range = range(3),
    base: dict[str, Any] = BASE,
    numerics: str = "0123456789ab",
    study: str = "ablations",
    **result: Any,
) -> Plan:
    """A whole study; `result` replaces fields of every run's result."""
    plan = make_plan(variants, seeds, base=base, study=study)
    plan = plan.model_copy(update={"runs": [run.model_copy(update={"numerics": numerics}) for run in plan.runs]})
    for run in plan.runs:
        write_run(results, plan, run, constant(correct or {}), **result)
    write_study(results, plan)
    return plan


def compared(tmp_path: Path) -> Comparison:
    return Comparison(("a", "b"), *(load_study_data(tmp_path / f"{side}/ablations-cpu") for side in "ab"))


def report(tmp_path: Path) -> tuple[list[str], str, str]:
    """Lines for the terminal, HTML and Markdown of a/ against b/."""
    folders = (tmp_path / "a/ablations-cpu", tmp_path / "b/ablations-cpu")
    lines = write_comparison(("ablations-cpu", "ablations-cpu"), folders, tmp_path / "reports/compared")
    page = tmp_path / "reports/compared/report.html"
    assert lines[-1] == f"report: {page}"
    return lines, page.read_text(), page.with_suffix(".md").read_text()


def test_differences_by_hand(tmp_path: Path) -> None:
    # leo: 60, 60, 60 of 75 in A, 63, 63, 66 in B. Differences 3, 3 and 6: mean 4, deviations -1, -1 and 2, so their
    # standard deviation is sqrt(6 / 2) and their standard error 1; all of 75.
    build(tmp_path / "a")
    build(tmp_path / "b", {("leo", 0): 63, ("leo", 1): 63, ("leo", 2): 66}, weights_digest="88bb")
    frame = differences(compared(tmp_path)).set_index("variant")
    leo, none = frame.loc["leo"], frame.loc["none"]
    assert [leo["accuracy_a"], leo["accuracy_b"]] == pytest.approx([60 / 75, 64 / 75])
    assert [leo["difference"], leo["low"], leo["high"]] == pytest.approx([4 / 75, (4 - T2) / 75, (4 + T2) / 75])
    # Student's t with 2 degrees of freedom: p = 1 - t / sqrt(2 + t^2). The margin of 0.005 is 0.375 of 75, so t is
    # 3.625. Two rows are asked about; the other one is settled first.
    p = 1 - 3.625 / np.sqrt(2 + 3.625**2)
    assert leo["p"] == pytest.approx(p) and leo["holm_p"] == pytest.approx(p)
    assert leo["verdict"] == "inconclusive"
    assert [none["difference"], none["verdict"], none["n_bit_equal"]] == [0, "no difference that matters", 0]


def test_a_large_difference_matters_and_is_said_first(tmp_path: Path) -> None:
    build(tmp_path / "a")
    build(
        tmp_path / "b",
        {("none", 0): 69, ("none", 1): 70, ("none", 2): 71},
        numerics="ba9876543210",
        commit="fedcba987654",
    )
    lines, html, markdown = report(tmp_path)
    assert (
        lines[0]
        == "Does it matter? yes: B differs from A by more than the 0.5 points (or a tenth of the error) that matter"
    )
    assert "Largest differences, B - A in points: none +13.3 (5-way mixed) and leo +0.0 (5-way mixed)" in lines
    assert "Comparisons: 2, each of a variant on a test: 1 bit-equal, 1 better" in lines
    for text in ("\n".join(lines), markdown):
        assert "numerics digest: " in text and "0123456789ab" in text and "ba9876543210" in text
        assert "fedcba987654" in text
    assert "ba9876543210" in html and lines[0] in html.replace("&#39;", "'")
    # Against its own baseline none is no different in A, and better in B.
    assert changed_conclusions(compared(tmp_path)) == [
        "none on 5-way mixed: no difference that matters in A, better in B"
    ]
    assert "none on 5-way mixed: no difference that matters in A, better in B" in markdown
    rows = pd.read_csv(tmp_path / "reports/compared/tables/differences.csv")
    assert rows["verdict"].tolist() == ["bit-equal", "better"]
    conditions = pd.read_csv(tmp_path / "reports/compared/tables/conditions.csv")
    assert set(conditions["what"]) == {"numerics digest", "commit"}


def test_what_one_study_has_beyond_the_other_is_told_from_what_is_not_recorded(tmp_path: Path) -> None:
    def has(text: str, other: str) -> tuple[str, str]:
        return _beyond(text, other, "B"), _beyond(other, text, "A")

    assert has("5-way; 20-way", "20-way") == ("5-way", "nothing beyond A's")
    assert has("0-4, 7", "7, 9") == ("0-4", "9")
    assert has("", "none") == ("not recorded", "none")
    assert not _differ("5-way; 20-way", "20-way; 5-way") and _differ("5-way; 20-way", "20-way")


def test_equal_bits_are_told_from_one_record_shown_twice(tmp_path: Path) -> None:
    build(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert set(differences(compared(tmp_path))["verdict"]) == {"the same record"}
    assert report(tmp_path)[0][0].endswith("both show the same records")
    build(tmp_path / "b", started="2026-03-04T05:06:07+00:00", commit="fedcba987654")
    assert set(differences(compared(tmp_path))["verdict"]) == {"bit-equal"}
    lines, _, markdown = report(tmp_path)
    assert lines[0] == "Does it matter? no: every run that both have is the same bit for bit"
    assert "2 bit-equal" in markdown


def test_equal_weights_with_other_answers_are_not_bit_equal(tmp_path: Path) -> None:
    # One answer of one episode moves to another episode: the means are equal, the answers are not.
    build(tmp_path / "a")
    plan = build(tmp_path / "b")
    moved = np.full((12, 2), 60)
    moved[:2, 1] += (1, -1)
    for run in plan.runs:
        write_run(tmp_path / "b", plan, run, lambda *_: moved)
    frame = differences(compared(tmp_path))
    assert frame["n_same_weights"].tolist() == [3, 3]
    assert frame["n_bit_equal"].tolist() == [0, 0]
    assert set(frame["verdict"]) == {"no difference that matters"}
    assert (
        report(tmp_path)[0][0]
        == "Does it matter? no: every difference lies within 0.5 points (or a tenth of the error)"
    )


def test_pairs_that_are_equal_bit_for_bit_cost_the_others_nothing(tmp_path: Path) -> None:
    build(tmp_path / "a")
    build(tmp_path / "b", {("none", 0): 63, ("none", 1): 63, ("none", 2): 66}, started="later")
    row = differences(compared(tmp_path)).set_index("variant").loc["none"]
    assert row["holm_p"] == row["p"]


def test_what_only_one_has_is_named_and_settings_that_changed(tmp_path: Path) -> None:
    build(tmp_path / "a", variants={**VARIANTS, "small": {"latent_dim": 8}}, seeds=range(2))
    build(
        tmp_path / "b",
        {("none", 1): 61, ("none", 2): 15},  # seed 2 has no partner, so it does not count
        variants={"leo": {}, "none": {"relation": "none", "inner_lr": 0.05}, "large": {"latent_dim": 128}},
        seeds=range(1, 3),
    )
    lines, _, markdown = report(tmp_path)
    assert "Variants only in A: small" in lines and "Variants only in B: large" in lines
    assert "inner_lr 0.01 -> 0.05" in markdown
    row = differences(compared(tmp_path)).set_index("variant").loc["none"]
    assert [row["n_seeds"], row["verdict"]] == [1, "one seed"]
    assert [row["accuracy_a"], row["accuracy_b"]] == pytest.approx([60 / 75, 61 / 75])
    assert lines[0] == "Does it matter? these seeds do not show it"


def test_variants_of_other_names_and_the_same_settings_are_paired(tmp_path: Path) -> None:
    build(tmp_path / "a")
    build(tmp_path / "b", variants={"plain": {}, "other": {"latent_dim": 8}})
    both = compared(tmp_path)
    assert both.pairs == [("leo", "plain")]
    assert [both.label(pair) for pair in both.pairs] == ["leo / plain"]
    build(tmp_path / "b", variants={"other": {"latent_dim": 8}})
    assert report(tmp_path)[0][0].endswith("no variant in common, by name or by settings")


@pytest.mark.parametrize(
    ("base", "result", "words"),
    [
        ({}, {"data_digest": "deadbeef"}, "data digest deadbeef against 5f1c0ffee5f1"),
        ({"dataset": "glyphs"}, {}, "data set glyphs against omniglot"),
        ({"n_train_episodes": 4000}, {}, "training images 320,000 against 160,000"),
        ({"k_shot": 5}, {}, "k_shot 5 against 1"),
        ({"test_n_query": 1}, {}, "n_query 1 against"),
        ({"class_split": "random"}, {}, "class split random against lake"),
        ({}, {"batch_norm": "transductive"}, "batch norm transductive against running"),
    ],
)
def test_other_protocols_data_and_budgets_are_refused(
    tmp_path: Path, base: dict[str, Any], result: dict[str, Any], words: str
) -> None:
    build(tmp_path / "a")
    build(tmp_path / "b", {("leo", 0): 70}, base={**BASE, **base}, **result)
    lines, html, markdown = report(tmp_path)
    assert lines[0].startswith("Does it matter? nothing can be compared: ")
    assert words in lines[0] and words in markdown and words in html
    assert not differences(compared(tmp_path))["compared"].any()


def test_a_study_without_a_done_run_is_said(tmp_path: Path) -> None:
    build(tmp_path / "a")
    write_study(tmp_path / "b", make_plan(VARIANTS, range(3), base=BASE))
    lines, _, _ = report(tmp_path)
    assert lines[0].endswith("nothing can be compared: there is no test on which both have a run")
    assert any("0 of 6 planned runs are done (6 missing)" in line for line in lines)


def test_runs_that_cannot_be_read_are_left_out_and_counted(tmp_path: Path) -> None:
    build(tmp_path / "a")
    plan = build(tmp_path / "b", started="later")
    (tmp_path / "b/runs" / plan.runs[0].run_key / "result.json").write_text("{")
    lines, _, _ = report(tmp_path)
    assert any("5 of 6 planned runs are done (1 corrupt)" in line for line in lines)


def test_pages_are_the_same_bytes_and_name_no_machine(tmp_path: Path) -> None:
    build(tmp_path / "a")
    build(tmp_path / "b", {("none", 0): 70}, commit="fedcba987654")
    first, second = report(tmp_path), report(tmp_path)
    assert first == second
    for text in first[1:]:
        assert str(tmp_path) not in text
    links = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')\s>]+)', first[1])
    assert [link for link in links if not link.startswith(("#", "data:"))] == []


def test_tables_are_there_even_if_nothing_can_be_compared_any_more(tmp_path: Path) -> None:
    build(tmp_path / "a")
    build(tmp_path / "b", {("leo", 0): 70})
    report(tmp_path)
    tables = tmp_path / "reports/compared/tables"
    before = (tables / "differences.csv").read_text()
    shutil.rmtree(tmp_path / "b")
    build(tmp_path / "b", {("leo", 0): 70}, base={**BASE, "k_shot": 5})
    report(tmp_path)
    assert "k_shot 5 against 1" in (tables / "differences.csv").read_text() != before


def test_studies_are_found_by_name_or_folder(tmp_path: Path) -> None:
    build(tmp_path / "results")
    shutil.copytree(tmp_path / "results/ablations-cpu", tmp_path / "results/official/ablations-cpu")
    shutil.copytree(tmp_path / "results/official", tmp_path / "elsewhere/official")
    for text, name in (
        ("ablations-cpu", "ablations-cpu"),
        ("official/ablations-cpu", "official/ablations-cpu"),
        (str(tmp_path / "results/ablations-cpu"), "ablations-cpu"),
        (str(tmp_path / "elsewhere/official/ablations-cpu"), "official/ablations-cpu"),
    ):
        with find_study(text, tmp_path / "results") as found:
            assert (found[0], (found[1] / "study.json").is_file()) == (name, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ablation-cpu", "did you mean 'ablations-cpu'?"),
        ("xyz", "there are ablations-cpu"),
        ("ablations-cpu@nothing", "at commit 'nothing'"),
    ],
)
def test_wrong_names_get_one_line_with_the_nearest(tmp_path: Path, text: str, words: str) -> None:
    build(tmp_path / "results")
    with pytest.raises(LeoBenchError, match=re.escape(words)) as error, find_study(text, tmp_path / "results"):
        pass
    assert "\n" not in str(error.value)


def test_no_study_at_all_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LeoBenchError, match="run one first: make ablations"), find_study("x", tmp_path / "results"):
        pass


def git(folder: Path, *arguments: str) -> str:
    """Git in the folder, whatever the machine's own settings are."""
    names = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_published_study_is_compared_with_itself_at_an_earlier_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    official = Path("results/official/ablations-cpu")
    git(tmp_path, "init", "-q")
    for correct in (60, 69):
        build(Path("made"), {("none", seed): correct + seed for seed in range(3)}, seeds=range(3))
        shutil.copytree("made/ablations-cpu", official, dirs_exist_ok=True)
        shutil.copytree("made/runs", official / "runs", dirs_exist_ok=True)
        git(tmp_path, "add", "results")
        git(tmp_path, "commit", "-q", "-m", f"none {correct}")
    assert main(["report", "--compare", "official/ablations-cpu@HEAD~1", "official/ablations-cpu"]) == 0
    text = capsys.readouterr().out
    assert "none, 5-way mixed: +12.0 [+12.0, +12.0], better" in text  # 9 of 75 more with every seed
    assert Path("reports/compare-official-ablations-cpu-HEAD-1-vs-official-ablations-cpu/report.md").is_file()
    assert "compare-official-ablations-cpu-HEAD-1" in Path("reports/index.html").read_text()
    assert main(["report", "--compare", "official/none-cpu@HEAD", "official/ablations-cpu"]) == 2
    assert "no study 'official/none-cpu' at commit 'HEAD'" in capsys.readouterr().err


def test_a_study_of_the_shared_store_is_compared_with_itself_at_an_earlier_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    for correct in (60, 69):
        build(Path("results"), {("none", seed): correct + seed for seed in range(3)}, seeds=range(3))
        publish(Path("results"), "ablations", "cpu", partial=False)
        git(tmp_path, "add", "results/official")
        git(tmp_path, "commit", "-q", "-m", f"none {correct}")
    assert not Path("results/official/ablations-cpu/runs").exists()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # as in a hook of another repository
    assert main(["report", "--compare", "official/ablations-cpu@HEAD~1", "official/ablations-cpu"]) == 0
    assert "none, 5-way mixed: +12.0 [+12.0, +12.0], better" in capsys.readouterr().out


def test_the_command_refuses_what_is_no_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    build(Path("results"))
    for arguments, words in (
        (["--compare", "ablations-cpu", "results/ablations-cpu"], "are the same study"),
        (["results/ablations-cpu", "--compare", "ablations-cpu", "x"], "--compare takes exactly two studies"),
        (["--compare", "ablations-cpu", "ablation-cpu"], "did you mean 'ablations-cpu'?"),
    ):
        assert main(["report", *arguments]) == 2
        error = capsys.readouterr().err
        assert words in error and len(error.strip().splitlines()) == 1


def test_changes_are_named_by_their_size_whatever_their_sign(tmp_path: Path) -> None:
    build(tmp_path / "a")
    build(tmp_path / "b", {("leo", seed): 63 for seed in range(3)} | {("none", seed): 54 for seed in range(3)})
    lines, _, _ = report(tmp_path)
    words = "Largest differences, B - A in points: none -8.0 (5-way mixed) and leo +4.0 (5-way mixed)"
    assert words in lines, lines
