"""The page of findings: what verdicts come to, and that every compared variant stands in it once."""

from pathlib import Path

import pytest
from results_fixture import write_big_study

from leo_bench.report.findings import HEAD, findings, judgement, write_findings
from leo_bench.report.study.data import load_study_data
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
    ],
)
def test_what_the_verdicts_of_a_variants_tests_come_to(verdicts: list[str], expected: str) -> None:
    assert judgement(verdicts) == expected


def test_every_compared_variant_stands_in_its_group_with_the_numbers_of_the_report(tmp_path: Path) -> None:
    data = load_study_data(write_big_study(tmp_path))
    text = findings(data, "report.md")
    assert text.startswith(f"## {data.plan.question}\n")
    frame = effects(data, data.headline)
    for row in frame.to_dict("records"):
        mentions = [line for line in text.splitlines() if line.startswith(f"- {row['label']}: ")]
        assert len(mentions) == int(row["compared"]), row["label"]
    one_code = next(line for line in text.splitlines() if line.startswith(f"- {data.label('decode_task')}: "))
    hurts = text.index("**Hurts:**")
    assert hurts < text.index(one_code)
    row = frame[frame["variant"] == "decode_task"].iloc[0]
    assert row["verdict"] == "worse"
    assert f"5-way mixed {100 * row['difference']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]" in one_code


def test_the_page_holds_the_published_studies_alone(tmp_path: Path) -> None:
    write_big_study(tmp_path)  # not published
    page = write_findings(tmp_path, tmp_path / "findings.md")
    assert page.read_text() == HEAD
