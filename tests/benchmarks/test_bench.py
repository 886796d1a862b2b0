"""Arithmetic of the benchmarks by hand, and their processes on a case that takes no time."""

import json
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import cases as module
from benchmarks import measure as measuring
from benchmarks import run
from benchmarks.cases import Case, make
from benchmarks.measure import Worker, measure
from benchmarks.page import growth_table, ratio_table, round_ratios, slope, summary, write_page
from benchmarks.suite import GROUPS, GROWTHS, RATIOS, Group, Growth, Ratio
from leo_bench.commands.cli import main
from leo_bench.errors import LeoBenchError

ALL = {case.name: case for group in GROUPS for case in group.cases}


def timings(**cases: list[float]) -> pd.DataFrame:
    """Return two timings per round of each case, 100 MB each."""
    rows = [
        {"case": name, "round": index // 2, "seconds": seconds, "group": "g", "threads": 1, "peak_mb": 100.0}
        for name, values in cases.items()
        for index, seconds in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_a_ratio_is_of_medians_round_by_round_over_the_faster_case() -> None:
    frame = timings(a=[2, 4, 6, 6], b=[1, 2, 3, 3], c=[1, 1, 2, 2])
    # Medians by round: a 3, 6; b 1.5, 3; c 1, 2. c is the faster one: 3 / 1 and 6 / 2.
    assert round_ratios(Ratio("a / best", "a", ("b", "c")), frame).tolist() == [3, 3]
    assert round_ratios(Ratio("a / b", "a", ("b",)), frame).tolist() == [2, 2]


def test_a_slope_of_one_is_growth_in_proportion() -> None:
    growth = Growth("n", (5, 20, 60), ("x", "y", "z"))
    assert slope(growth, pd.Series({"x": 1.0, "y": 4.0, "z": 12.0})) == pytest.approx(1)
    assert slope(growth, pd.Series({"x": 25.0, "y": 400.0, "z": 3600.0})) == pytest.approx(2)
    assert slope(growth, pd.Series({"x": 7.0, "y": 7.0, "z": 7.0})) == pytest.approx(0, abs=1e-12)


def test_a_summary_gives_median_and_quartiles_in_milliseconds() -> None:
    row = summary(timings(a=[1, 2, 3, 4, 5])).loc["a"]
    assert row[["lower quartile, ms", "median, ms", "upper quartile, ms"]].tolist() == [2000, 3000, 4000]
    assert row["timings"] == 5


def test_the_table_says_whether_a_ratio_is_as_asked() -> None:
    names = [name for ratio in RATIOS for name in (ratio.above, *ratio.below)]
    slow = ratio_table(timings(**{name: [1.0, 1.0] for name in names})).set_index("ratio")
    # All equal: every "at most 1.05" is met, every "at least 4.2" is not.
    assert set(slow.loc[slow["asked"].str.startswith("at most"), "met"]) == {"yes"}
    assert set(slow.loc[slow["asked"].str.startswith("at least"), "met"]) == {"no"}
    assert ratio_table(timings(other=[1.0])).empty


def test_ratios_and_growths_name_cases_that_are_timed() -> None:
    assert len(ALL) == sum(len(group.cases) for group in GROUPS)
    assert {name for ratio in RATIOS for name in (ratio.above, *ratio.below)} <= set(ALL)
    assert {name for growth in GROWTHS for name in growth.cases} <= set(ALL)


@pytest.mark.parametrize(
    "name", ["bare 28", "bare by episode 28", "stock layers 28", "literal 28", "leo 28", "n_way 5"]
)
def test_a_case_can_be_made_and_timed(name: str) -> None:
    assert make(ALL[name].plain())() > 0


def test_cases_take_turns_in_processes_of_their_own() -> None:
    group = Group("starts", (Case("one", "start"), Case("two", "start")), rounds=2, repeats=1, warm_up=False)
    frame = measure(group)
    assert frame["case"].tolist() == ["one", "two", "one", "two"]
    assert frame["round"].tolist() == [0, 0, 1, 1]
    assert (frame["seconds"] > 0).all()
    assert (frame["peak_mb"] > 1).all()


def test_a_case_whose_package_is_missing_is_left_out_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    cases = (Case("there", "start"), Case("absent", "start", needs="no_such_package"))
    frame = measure(Group("some", cases, rounds=1, repeats=1, warm_up=False))
    assert frame["case"].tolist() == ["there"]
    assert "no_such_package" in capsys.readouterr().err


def test_a_case_in_bfloat16_needs_a_processor_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {name for name, case in ALL.items() if case.settings.get("precision") == "bfloat16"}
    assert {"leo 28, bfloat16", "leo 105, bfloat16"} <= asked
    for fast in (True, False):
        monkeypatch.setattr(module, "bfloat16_is_fast", lambda fast=fast: fast)
        assert {name for name in asked if ALL[name].missing()} == (set() if fast else asked)
        assert not ALL["leo 28"].missing()


def test_the_page_holds_every_table_and_no_outside_address(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = timings(**{name: list(1 + rng.random(4)) for name in ALL})
    frame["group"] = frame["case"].map({case.name: group.name for group in GROUPS for case in group.cases})
    (tmp_path / "results").mkdir()
    frame.to_csv(tmp_path / "results" / "timings.csv", index=False)
    (tmp_path / "results" / "machine.json").write_text(json.dumps({"processor": "some CPU"}))
    page = write_page(tmp_path / "results", tmp_path / "reports").read_text()
    assert "http" not in page.replace('xmlns:xlink="http://www.w3.org/1999/xlink"', "").replace(
        'xmlns="http://www.w3.org/2000/svg"', ""
    )
    for words in ("some CPU", RATIOS[0].words, GROWTHS[0].words, "leo, full", '<svg role="img"'):
        assert words in page
    assert len(growth_table(frame)) == len(GROWTHS)
    first = (tmp_path / "reports" / "report.html").read_bytes()
    write_page(tmp_path / "results", tmp_path / "reports")
    assert (tmp_path / "reports" / "report.html").read_bytes() == first


def test_a_mistyped_group_and_nothing_to_publish_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--results", str(tmp_path), "--reports", str(tmp_path)]
    assert main(["bench", "--only", "28x29", *folders]) == 2
    assert "28x29" in capsys.readouterr().err
    assert main(["bench", "--publish", *folders]) == 2
    assert "make bench" in capsys.readouterr().err
    (tmp_path / "bench").mkdir()
    timings(a=[1.0]).to_csv(tmp_path / "bench" / "timings.csv", index=False)
    (tmp_path / "bench" / "report.html").write_text("page")
    assert main(["bench", "--publish", *folders]) == 2  # one group of many
    assert "28x28" in capsys.readouterr().err


@pytest.mark.slow
def test_a_case_that_dies_is_named_and_takes_no_other_down() -> None:
    cases = (Case("sound", "start"), Case("broken", "step", {"latent_dim": -1}))
    with pytest.raises(LeoBenchError, match="'broken' ended with exit code 1"):
        measure(Group("some", cases, rounds=1, repeats=1, warm_up=False))


def test_an_interrupted_benchmark_kills_its_processes_and_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    class Interrupted(Worker):
        """Worker that is timing when Ctrl-C or SIGTERM comes, in the turn of the second one."""

        def time(self, repeats: int, warm_up: bool) -> list[float]:
            self.ask("1000000")
            if self.case.name == "two":
                raise KeyboardInterrupt
            return [1.0]

        def end(self) -> None:
            ended.append((self.case.name, self.process.wait(60)))  # it was killed, and not only asked to end
            super().end()

    monkeypatch.setattr(measuring, "Worker", Interrupted)
    cases = (Case("one", "start"), Case("two", "start"), Case("three", "start"))
    with pytest.raises(KeyboardInterrupt):
        measure(Group("some", cases, rounds=1, repeats=1, warm_up=False))
    assert ended == [("one", -signal.SIGKILL), ("two", -signal.SIGKILL), ("three", -signal.SIGKILL)]


def test_publishing_replaces_what_was_published(tmp_path: Path) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    for folder in (results / "bench", reports / "bench", results / "official" / "bench"):
        folder.mkdir(parents=True)
    frame = pd.concat([timings(a=[1.0, 1.0]).assign(group=group.name) for group in GROUPS])
    frame.to_csv(results / "bench" / "timings.csv", index=False)
    (reports / "bench" / "report.html").write_text("page")
    (results / "official" / "bench" / "old.csv").write_text("old")
    targets = run.publish(results, reports)
    assert targets == [results / "official" / "bench", reports / "official" / "bench"]
    assert [path.name for path in targets[0].iterdir()] == ["timings.csv"]


def test_rebuilding_reports_rebuilds_the_benchmarks_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    official = tmp_path / "results" / "official" / "bench"
    official.mkdir(parents=True)
    timings(a=[1.0, 2.0]).to_csv(official / "timings.csv", index=False)
    (official / "machine.json").write_text("{}")
    monkeypatch.setattr("leo_bench.commands.report.rebuild_all", lambda *_: ([tmp_path], []))
    assert main(["report", "--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")]) == 0
    assert "1500" in (tmp_path / "reports" / "official" / "bench" / "report.md").read_text()  # the median, in ms


def test_only_timings_of_the_same_source_and_machine_are_kept(tmp_path: Path) -> None:
    frame = pd.concat([timings(a=[1.0, 1.0]), timings(b=[2.0, 2.0]).assign(group="h")])
    frame.to_csv(tmp_path / "timings.csv", index=False)
    (tmp_path / "machine.json").write_text(json.dumps({"numerics": "x", "commit": "1"}))
    (again,) = run.kept(tmp_path, {"numerics": "x", "commit": "2"}, ["g"])
    assert set(again["case"]) == {"b"}
    assert run.kept(tmp_path, {"numerics": "y", "commit": "1"}, ["g"]) == []
    assert run.kept(tmp_path / "nowhere", {}, ["g"]) == []
