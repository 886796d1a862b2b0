"""The page of findings: kinds of findings, and one row for every measured variant with the numbers of the report."""

from pathlib import Path

import pytest
from results_fixture import write_big_study
from search_fixture import write_big_search

from leo_bench.config import make_settings
from leo_bench.report.findings import (
    HEAD,
    Question,
    count_words,
    findings_table,
    judgement,
    search_findings,
    study_findings,
    summary,
    write_findings,
)
from leo_bench.report.search.data import load_search_data
from leo_bench.report.study.data import cell_name, load_study_data
from leo_bench.report.study.differences import effects

SAME = "no difference that matters"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["better", "inconclusive"], "helps"),
        (["inconclusive", "worse", SAME], "hurts"),
        (["better", "worse"], "both"),
        ([SAME, SAME], "nothing"),
        ([SAME, "inconclusive"], "open"),
        (["inconclusive"], "open"),
        (["one seed", "one seed"], "one seed"),
        ([], "not compared"),
    ],
)
def test_a_variants_verdicts_amount_to_a_finding(verdicts: list[str], expected: str) -> None:
    assert judgement(verdicts) == expected


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["better"], "better on 1 of 1 test"),
        (["worse", "worse"], "worse on 2 of 2 tests"),
        (["inconclusive", SAME, SAME, SAME], f"{SAME} on 3 of 4 tests, inconclusive on 1"),
        (["better", "worse"], "better on 1 of 2 tests, worse on 1"),
    ],
)
def test_verdicts_are_counted_in_words(verdicts: list[str], words: str) -> None:
    assert count_words(verdicts) == words


def test_every_measured_variant_has_one_row_with_the_numbers_of_the_report(tmp_path: Path) -> None:
    data = load_study_data(write_big_study(tmp_path))
    table = findings_table(data).set_index("variant")
    headline = cell_name(data.headline)
    assert table.index[0] == data.label(data.plan.baseline)
    assert sorted(table.index) == sorted(data.label(name) for name in set(data.rows(data.headline)["variant"]))
    for row in effects(data, data.headline).to_dict("records"):
        if not row["compared"]:
            continue
        ends = f"{100 * row['difference']:+.1f} [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}]"
        shown = str(table.loc[row["label"], headline])
        assert ends.replace("-0.0", "+0.0") in shown.replace("-0.0", "+0.0")
        assert shown.startswith("**") is (row["verdict"] in ("better", "worse"))
        assert (shown.startswith("*") and not shown.startswith("**")) is (row["verdict"] == SAME)


def test_rows_go_from_the_baseline_over_decided_variants_to_undecided_ones(tmp_path: Path) -> None:
    data = load_study_data(write_big_study(tmp_path))
    order = list(dict.fromkeys(findings_table(data)["finding"]))
    assert order[0] == "baseline"
    known = ["helps", "hurts", "helps on one test, hurts on another", SAME, "open", "one seed", "not compared"]
    assert order[1:] == [finding for finding in known if finding in order]
    table = findings_table(data).set_index("variant")
    assert table.loc[data.label("decode_task"), "finding"] == "hurts"


def test_a_study_is_its_question_answer_table_and_link(tmp_path: Path) -> None:
    data = load_study_data(write_big_study(tmp_path))
    text = study_findings(data, "there/report.md")
    assert text.startswith(f"## {data.plan.question}\n")
    assert "The study is not complete" in text
    assert "| baseline " in text
    assert "[The whole report](there/report.md) (study `ablations`, profile `cpu`)" in text


def test_a_search_is_its_question_answer_and_what_test_says(tmp_path: Path) -> None:
    on_test = make_settings({"image_size": 28, "n_test_episodes": 100}, "leo").canonical()
    data = load_search_data(write_big_search(tmp_path, test=on_test))
    text = search_findings(data, "there/report.md")
    assert text.startswith(f"## {data.plan.question}\n")
    assert "| best of the search |" in text
    assert "[The whole report](there/report.md) (search `search`, profile `cpu`)" in text


def test_the_summary_answers_the_questions_whose_study_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load_study_data(write_big_study(tmp_path))
    questions = (
        Question("Can one code tell classes apart?", "ablations", "decode_task"),
        Question("Not measured?", "ablations", "no such variant"),
        Question("Not here?", "another", "decode_task"),
    )
    monkeypatch.setattr("leo_bench.report.findings.QUESTIONS", questions)
    text = summary([data])
    (row,) = [line for line in text.splitlines() if line.startswith("| Can one code")]
    assert data.label("decode_task") in row
    assert "worse on" in row
    assert "Not" not in text
    assert summary([]) == ""


def test_the_page_holds_the_published_studies_alone(tmp_path: Path) -> None:
    write_big_study(tmp_path)  # not published
    page = write_findings(tmp_path, tmp_path / "findings.md")
    assert page.read_text() == HEAD
