"""The page of findings: questions, answers, and the rows of the reports' main tables."""

import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from results_fixture import write_big_study
from search_fixture import write_big_search

from leo_bench.config import make_settings
from leo_bench.records import Plan, read_record, write_record
from leo_bench.report.decided import decided_table
from leo_bench.report.findings import write_findings
from leo_bench.report.pages import TEXT
from leo_bench.report.parts import PARTS, WITH, WITHOUT, parts_table
from leo_bench.report.search.data import load_search_data
from leo_bench.report.study.main_table import main_tables
from leo_bench.report.study.sentences import answer
from leo_bench.statistics.studies.differences import all_effects, effects
from leo_bench.statistics.studies.study import cell_name, load_study_data


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published study, written once for all tests."""
    folder = tmp_path_factory.mktemp("written")
    write_big_study(folder, variants=["decode_task", "latent_8", "steps_0", "steps_10", "inner_lr_0.05", "protonet"])
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """Folder of a copy of the study in tmp_path/official."""
    shutil.copytree(written, tmp_path / "official")
    return tmp_path / "official" / "ablations-cpu"


def page_of(results: Path) -> str:
    return write_findings(results, results / "findings.md").read_text()


def test_a_study_is_its_question_answer_table_and_link(tmp_path: Path, folder: Path) -> None:
    data = load_study_data(folder)
    text = page_of(tmp_path)
    assert f"## {data.plan.question}\n" in text
    assert all(words in text for words in answer(data))
    link = "[The whole report](../reports/official/ablations-cpu/report.md) (study `ablations`, profile `cpu`)"
    assert link in text


def test_the_table_has_the_rows_of_the_report_without_costs_and_changed_settings(tmp_path: Path, folder: Path) -> None:
    data = load_study_data(folder)
    lines = page_of(tmp_path).splitlines()
    words = main_tables(data)[0].words
    start = next(index for index, line in enumerate(lines) if line.startswith("| variant "))
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start : start + 2 + len(words)]]
    head = shown[0]
    assert head[:2] == ["variant", f"{cell_name(data.headline)}, %"] and {"difference, points", "verdict"} <= set(head)
    assert not {"changes", "parameters", "training, s", "before adaptation"} & set(head)
    assert [row[: len(head)] for row in shown[2:]] == words[head].to_numpy().tolist()


def test_a_search_is_its_question_answer_and_what_test_says(tmp_path: Path) -> None:
    on_test = make_settings({"image_size": 28, "n_test_episodes": 100}, "leo").canonical()
    data = load_search_data(write_big_search(tmp_path / "official", test=on_test))
    text = page_of(tmp_path)
    assert f"## {data.plan.question}\n" in text
    assert "| best of the search |" in text
    assert "[The whole report](../reports/official/search-cpu/report.md) (search `search`, profile `cpu`)" in text


def test_several_questions_are_listed_with_links_to_their_headings(tmp_path: Path, folder: Path) -> None:
    other = folder.with_name("other-cpu")
    shutil.copytree(folder, other)
    plan = read_record(other / "study.json", Plan)
    write_record(
        other / "study.json", plan.model_copy(update={"study": "other", "question": "Is `it`, at 5-way, 1:1?"})
    )
    text = page_of(tmp_path)
    assert "- [Is `it`, at 5-way, 1:1?](#is-it-at-5-way-11)\n" in text
    assert text.count("](#") == 2


def test_two_profiles_of_a_study_have_headings_of_their_own(tmp_path: Path, folder: Path) -> None:
    other = folder.with_name("ablations-gpu")
    shutil.copytree(folder, other)
    plan = read_record(other / "study.json", Plan)
    write_record(other / "study.json", plan.model_copy(update={"profile": "gpu"}))
    lines = page_of(tmp_path).splitlines()
    headings = [f"{plan.question} (profile {profile})" for profile in ("cpu", "gpu")]
    assert [line for line in lines if line.startswith(f"## {plan.question}")] == [f"## {one}" for one in headings]
    targets = [line.split("](")[1] for line in lines if line.startswith("- [")]
    assert len(set(targets)) == 2


def test_verdicts_are_counted_over_all_tests_of_each_study(tmp_path: Path, folder: Path) -> None:
    data = load_study_data(folder)
    found = pd.concat(all_effects(data, cell) for cell in data.cells)
    found = found[found["compared"].astype(bool) & (found["verdict"] != "one seed")]
    n_open = {verdict: int((found["verdict"] == verdict).sum()) for verdict in ("direction shown", "inconclusive")}
    n_decided = len(found) - sum(n_open.values())
    assert n_decided and n_open["inconclusive"]
    one, total = decided_table([data, data]).to_dict("records")[1:]
    assert one["study"] == "`ablations`" and one["seeds"] == "2 to 3"
    assert [one[name] for name in ("comparisons", "with a verdict")] == [str(len(found)), str(n_decided)]
    assert one["share, %"] == total["share, %"] == f"{100 * n_decided / len(found):.0f}"
    assert [total[name] for name in ("study", "comparisons")] == ["all", str(2 * len(found))]
    assert {name: int(one[name]) for name in n_open} == n_open
    assert "## How many comparisons have a verdict\n" in page_of(tmp_path)


def test_a_study_that_chooses_settings_or_has_one_seed_has_no_share_of_verdicts(tmp_path: Path, folder: Path) -> None:
    plan = load_study_data(folder).plan
    runs = [run.model_copy(update={"settings": {**run.settings, "test_split": "val"}}) for run in plan.runs]
    for kept in (runs, [run for run in plan.runs if run.seed == plan.runs[0].seed]):
        write_record(folder / "study.json", plan.model_copy(update={"runs": kept}))
        assert decided_table([load_study_data(folder)]).empty
        assert "How many comparisons have a verdict" not in page_of(tmp_path)


def test_a_part_is_worth_the_difference_turned_if_the_variant_leaves_it_out(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load_study_data(written / "ablations-cpu")
    parts = (
        ("left out", "leo", WITHOUT, "ablations", "decode_task"),
        ("added", "leo", WITH, "ablations", "decode_task"),
        ("not measured", "leo", WITH, "ablations", "no such variant"),
        ("not here", "leo", WITH, "another", "decode_task"),
    )
    monkeypatch.setattr("leo_bench.report.parts.PARTS", parts)
    table = parts_table([data]).set_index("part")
    assert list(table.index) == ["left out", "added"]
    row = effects(data, data.headline).set_index("variant").loc["decode_task"]
    mean, low, high = (100 * row[name] for name in ("difference", "low", "high"))
    turned = {"better": "worse", "worse": "better"}.get(row["verdict"], row["verdict"])
    test = cell_name(data.headline)
    assert table.loc["added", test].startswith(f"{row['verdict']}, {mean:+.1f} [{low:+.1f}, {high:+.1f}]")
    assert table.loc["left out", test].startswith(f"{turned}, {-mean:+.1f} [{-high:+.1f}, {-low:+.1f}]")


def test_text_written_by_hand_stays_and_the_rest_is_made(tmp_path: Path) -> None:
    page = tmp_path / "findings.md"
    page.write_text(f"made before\n{TEXT[0]}mine\n{TEXT[1]}made before\n")
    text = page_of(tmp_path)
    assert text.startswith("# Findings\n") and f"\n{TEXT[0]}mine\n{TEXT[1]}" in text and "made before" not in text


def test_the_page_holds_the_published_studies_alone(tmp_path: Path) -> None:
    write_big_study(tmp_path, variants=[])  # not published
    text = page_of(tmp_path)
    assert "## " not in text and "".join(TEXT) in text


def test_every_part_is_a_variant_of_a_study_file() -> None:
    studies = Path(__file__).parents[2] / "studies"
    for part, _, _, study, variant in PARTS:
        variants = tomllib.loads((studies / f"{study}.toml").read_text())["variants"]
        assert variant in variants, part
