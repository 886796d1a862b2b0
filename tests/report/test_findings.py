"""The page of findings: questions, answers, and the rows of the reports' main tables."""

from pathlib import Path

import pytest
from results_fixture import write_big_study
from search_fixture import write_big_search

from leo_bench.config import make_settings
from leo_bench.report.findings import HEAD, search_findings, study_findings, summary, write_findings
from leo_bench.report.search.data import load_search_data
from leo_bench.report.study.data import cell_name, load_study_data
from leo_bench.report.study.differences import effects
from leo_bench.report.study.main_table import main_tables
from leo_bench.report.study.sentences import answer


def test_a_study_is_its_question_answer_table_and_link(tmp_path: Path) -> None:
    data = load_study_data(write_big_study(tmp_path))
    text = study_findings(data)
    assert text.startswith(f"## {data.plan.question}\n")
    assert all(words in text for words in answer(data))
    link = "[The whole report](../reports/official/ablations-cpu/report.md) (study `ablations`, profile `cpu`)"
    assert link in text


def test_the_table_has_the_rows_of_the_report_without_costs_and_changed_settings(tmp_path: Path) -> None:
    data = load_study_data(write_big_study(tmp_path))
    lines = study_findings(data).splitlines()
    words = main_tables(data)[0].words
    start = next(index for index, line in enumerate(lines) if line.startswith("| variant "))
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start : start + 2 + len(words)]]
    head = shown[0]
    assert head[:2] == ["variant", f"{cell_name(data.headline)}, %"] and {"difference, points", "verdict"} <= set(head)
    assert not {"changes", "parameters", "training, s", "before adaptation"} & set(head)
    assert [row[: len(head)] for row in shown[2:]] == words[head].to_numpy().tolist()


def test_a_search_is_its_question_answer_and_what_test_says(tmp_path: Path) -> None:
    on_test = make_settings({"image_size": 28, "n_test_episodes": 100}, "leo").canonical()
    data = load_search_data(write_big_search(tmp_path, test=on_test))
    text = search_findings(data)
    assert text.startswith(f"## {data.plan.question}\n")
    assert "| best of the search |" in text
    assert "[The whole report](../reports/official/search-cpu/report.md) (search `search`, profile `cpu`)" in text


def test_the_summary_answers_the_questions_whose_study_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load_study_data(write_big_study(tmp_path))
    questions = (
        ("Can one code tell classes apart?", "ablations", "decode_task"),
        ("Not measured?", "ablations", "no such variant"),
        ("Not here?", "another", "decode_task"),
    )
    monkeypatch.setattr("leo_bench.report.findings.QUESTIONS", questions)
    text = summary([data])
    (row,) = [line for line in text.splitlines() if line.startswith("| Can one code")]
    assert data.label("decode_task") in row
    first = effects(data, data.headline).set_index("variant").loc["decode_task"]
    assert f"{cell_name(data.headline)} {first['verdict']}, {100 * first['difference']:+.1f} [" in row
    scored = [cell for cell in data.cells if not data.rows(cell, "decode_task").empty]
    assert row.count(";") == len(scored) - 1
    assert "Not" not in text
    assert summary([]) == ""


def test_the_page_holds_the_published_studies_alone(tmp_path: Path) -> None:
    write_big_study(tmp_path)  # not published
    page = write_findings(tmp_path, tmp_path / "findings.md")
    assert page.read_text() == HEAD
