"""One verdict for a pair of variants, in whichever study and from whichever side it is shown."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from results_fixture import edit_record, make_plan, write_attempt, write_run, write_study

from leo_bench.commands import cli
from leo_bench.records import Plan, read_record, write_record
from leo_bench.records.claims import Claim, Claims, Part, Source
from leo_bench.statistics.studies.differences import all_effects, effects
from leo_bench.statistics.studies.owners import studies_that_read
from leo_bench.statistics.studies.study import load_study_data

MIXED = (5, "mixed")
CORRECT = {64: (60, 62, 61, 60), 32: (63, 64, 64, 63), 16: (45, 47, 46, 45), 8: (44, 48, 42, 47), 128: (61, 59, 62, 60)}
"""Size of the code -> correct answers of 75 at seeds 0 to 3, in every episode."""


BASE = {"test_n_ways": (5,), "test_modes": ("mixed",), "inner_steps": 1}


def write(results: Path, study: str, sizes: dict[str, int], seeds: int = 4, **plan_fields: Any) -> Path:
    variants = {name: {"latent_dim": size} for name, size in sizes.items()}
    plan = make_plan(variants, range(seeds), base=BASE, study=study).model_copy(update=plan_fields)
    for run in plan.runs:
        size = int(run.settings["latent_dim"])
        write_run(results, plan, run, lambda _, seed, *__, size=size: np.full((12, 2), CORRECT[size][seed]))
    return write_study(results, plan)


def row(folder: Path, variant: str) -> dict[Any, Any]:
    frame = effects(load_study_data(folder), MIXED)
    return dict(frame[frame["variant"] == variant].to_dict("records")[0])


def test_a_pair_of_two_studies_has_the_verdict_of_the_larger_one(tmp_path: Path) -> None:
    large = write(tmp_path, "large", {"base": 64, "short": 32, "tiny": 16, "least": 8, "long": 128})
    small = write(tmp_path, "small", {"start": 64, "half": 32})
    alone = write(tmp_path / "alone", "small", {"start": 64, "half": 32})
    owner, shown, own = row(large, "short"), row(small, "half"), row(alone, "half")
    for name in ("difference", "low", "high", "p", "holm_p", "verdict"):
        assert shown[name] == owner[name]
    assert "study large" in shown["note"] and "large" in shown["family"]
    assert own["holm_p"] != owner["holm_p"]  # by itself the small study has another family, and another p
    assert "large" not in own["note"]


def test_settings_that_are_refused_today_break_no_other_study(tmp_path: Path) -> None:
    large = write(tmp_path, "large", {"base": 64, "short": 32, "tiny": 16})
    small = write(tmp_path, "small", {"start": 64, "half": 32})
    plan = read_record(large / "study.json", Plan)
    changed = {"inner_lr": -1.0}
    runs = [
        run.model_copy(update={"settings": run.settings | changed}) if run.variant == "tiny" else run
        for run in plan.runs
    ]
    write_record(large / "study.json", plan.model_copy(update={"runs": runs}))
    for run in plan.runs:
        if run.variant == "tiny":
            edit_record(tmp_path / "runs" / run.run_key / "result.json", settings=run.settings | changed)
    assert "study large" in row(small, "half")["note"]  # the pair is of two other variants


def test_a_report_is_read_by_studies_of_claims_and_by_smaller_ones_that_share_runs(tmp_path: Path) -> None:
    large = write(tmp_path, "large", {"base": 64, "short": 32, "tiny": 16})
    small = write(tmp_path, "small", {"start": 64, "half": 32})
    other = write(tmp_path, "other", {"a": 128, "b": 8}, seeds=1)
    claims = write(tmp_path, "judging", {"base": 64, "short": 32, "tiny": 16, "least": 8}, claims=Claims(claims={}))
    assert studies_that_read(large) == [claims, small]
    assert studies_that_read(small) == studies_that_read(other) == [claims]
    assert studies_that_read(claims) == []


def test_publishing_a_study_writes_the_published_reports_that_read_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "small", {"start": 64, "half": 32}, seeds=1)
    write(tmp_path, "large", {"base": 64, "short": 32, "tiny": 16}, seeds=1)
    written: list[str] = []
    monkeypatch.setattr("leo_bench.commands.publish.write_report", lambda folder, *_: written.append(folder.name))
    options = ["--profile", "cpu", "--results", str(tmp_path), "--reports", str(tmp_path / "reports")]
    for study in ("small", "large"):
        cli.main(["publish", study, *options])
    assert written == ["small-cpu", "large-cpu", "small-cpu"]


def test_a_look_at_claims_is_one_at_more_runs_or_at_other_statements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leo_bench.commands.publish.write_report", lambda folder, *_: folder)
    options = ["--profile", "cpu", "--results", str(tmp_path), "--reports", str(tmp_path / "reports")]

    def publish(study: str, sizes: dict[str, int], seeds: int, **plan_fields: Any) -> int:
        write(tmp_path, study, sizes, seeds, **plan_fields)
        cli.main(["publish", study, *options])
        return read_record(tmp_path / "official" / "judging-cpu" / "study.json", Plan).n_looks

    def claims(bound: float, words: str = "shorter is better", source: str = "short") -> Claims:
        part = Part(kind="level", variant="short", above=bound)
        sources = {"short": Source(study="large", variant=source, label="short codes")}
        return Claims(sources=sources, claims={"short": Claim(section="a", words=words, parts=[part])})

    assert publish("judging", {"base": 64}, 2, claims=claims(0.5)) == 1
    assert publish("judging", {"base": 64}, 2, claims=claims(0.5, "shorter codes are better")) == 1
    assert publish("judging", {"base": 64}, 2, claims=claims(0.6)) == 2
    assert publish("judging", {"base": 64}, 3, claims=claims(0.6)) == 3
    assert publish("large", {"base": 64, "short": 32}, 2) == 4
    assert publish("large", {"base": 64, "short": 32}, 2) == 4
    assert publish("large", {"base": 64, "short": 32}, 3) == 5
    assert publish("large", {"base": 64, "short": 32, "tiny": 16}, 3) == 5  # no claim is about the new variant
    assert publish("other", {"base": 64, "short": 16}, 3) == 5  # no claim is about this study
    assert publish("judging", {"base": 64}, 3, claims=claims(0.6, source="tiny")) == 6
    assert publish("large", {"base": 64, "short": 32, "tiny": 16}, 4) == 7


def test_what_is_published_together_is_one_look_at_the_claims_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr("leo_bench.commands.publish.write_report", lambda folder, *_: written.append(folder.name))
    options = ["--profile", "cpu", "--results", str(tmp_path), "--reports", str(tmp_path / "reports")]
    sources = {name: Source(study=name, variant="short", label=name) for name in ("large", "other")}
    parts = [Part(kind="level", variant=name, above=0.5) for name in sources]
    claims = Claims(sources=sources, claims={"short": Claim(section="a", words="it is good", parts=parts)})

    def published(seeds: int, *studies: str) -> int:
        write(tmp_path, "large", {"base": 64, "short": 32}, seeds)
        write(tmp_path, "other", {"base": 16, "short": 8}, seeds)
        written.clear()
        assert cli.main(["publish", *studies, *options]) == 0
        return read_record(tmp_path / "official" / "judging-cpu" / "study.json", Plan).n_looks

    write(tmp_path, "judging", {"base": 64}, 2, claims=claims)
    assert published(2, "large", "other", "judging") == 1
    assert published(3, "large", "other") == 2
    assert written == ["large-cpu", "other-cpu", "judging-cpu"]
    assert published(3, "large", "other", "judging") == 2  # nothing is new
    write(tmp_path, "judging", {"base": 64}, 3, claims=claims)
    assert published(4, "judging", "large", "other") == 3  # its own seed is new, and theirs
    assert written == ["judging-cpu", "large-cpu", "other-cpu"]


def test_what_was_published_before_another_was_refused_has_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr("leo_bench.commands.publish.write_report", lambda folder, *_: written.append(folder.name))
    options = ["--profile", "cpu", "--results", str(tmp_path), "--reports", str(tmp_path / "reports")]
    write(tmp_path, "whole", {"base": 64}, 2)
    (write(tmp_path, "lacking", {"base": 16}, 1).parent / "runs").rename(tmp_path / "elsewhere")
    write(tmp_path, "whole", {"base": 64}, 2)
    assert cli.main(["publish", "whole", "absent", *options]) == 2
    assert written == [] and not (tmp_path / "official").exists()
    assert cli.main(["publish", "whole", "lacking", *options]) == 2
    assert written == ["whole-cpu"]


def test_a_failure_alone_is_a_look_at_claims_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leo_bench.commands.publish.write_report", lambda folder, *_: folder)
    options = ["--profile", "cpu", "--results", str(tmp_path), "--reports", str(tmp_path / "reports"), "--partial"]
    part = Part(kind="difference", quantity="diverged", variant="short", against="base", below=0)
    sources = {name: Source(study="large", variant=name, label=name) for name in ("short", "base")}
    claims = Claims(sources=sources, claims={"stable": Claim(section="a", words="stable", parts=[part])})
    folder = write(tmp_path, "judging", {"other": 64}, 2, claims=claims)
    large = write(tmp_path, "large", {"base": 64, "short": 32}, 3)

    def published(study: str) -> int:
        cli.main(["publish", study, *options])
        return read_record(tmp_path / "official" / "judging-cpu" / "study.json", Plan).n_looks

    assert [published("judging"), published("large")] == [1, 2]
    plans = {path: read_record(path / "study.json", Plan) for path in (large, folder)}
    more = make_plan({"base": {"latent_dim": 64}, "short": {"latent_dim": 32}}, [3], base=BASE, study="large").runs[1]
    write_record(large / "study.json", plans[large].model_copy(update={"runs": [*plans[large].runs, more]}))
    write_attempt(tmp_path, more, "failed", "the training loss became nan")
    assert published("large") == 3
    assert published("large") == 3
    own = make_plan({"other": {"latent_dim": 64}}, [2], base=BASE, study="judging").runs[0]
    write_record(folder / "study.json", plans[folder].model_copy(update={"runs": [*plans[folder].runs, own]}))
    write_attempt(tmp_path, own, "failed", "the training loss became nan")
    assert published("judging") == 4
    for key, message in ((more.run_key, "out of memory; run fewer at a time"), (own.run_key, "killed")):
        shutil.rmtree(tmp_path / "runs" / key)
        write_attempt(tmp_path, more if key == more.run_key else own, "failed", message)
    assert [published("large"), published("judging")] == [4, 4]  # these say nothing about a variant


def test_from_the_other_side_the_verdict_is_turned_round(tmp_path: Path) -> None:
    large = write(tmp_path, "large", {"base": 64, "tiny": 16, "least": 8, "long": 128})
    small = write(tmp_path, "small", {"start": 16, "whole": 64})
    owner, shown = row(large, "tiny"), row(small, "whole")
    assert owner["verdict"] == "worse" and shown["verdict"] == "better"
    assert [shown["low"], shown["high"]] == pytest.approx([-owner["high"], -owner["low"]])
    assert shown["difference"] == pytest.approx(-owner["difference"])


def test_a_pair_on_other_runs_keeps_its_own_verdict(tmp_path: Path) -> None:
    write(tmp_path, "large", {"base": 64, "short": 32, "tiny": 16, "least": 8})
    small = write(tmp_path, "small", {"start": 64, "half": 32}, seeds=3)
    assert "large" not in row(small, "half")["note"]


def test_a_step_is_compared_with_the_step_before_it_everywhere(tmp_path: Path) -> None:
    steps = {"step": ["tiny", "short", "base"]}
    folder = write(tmp_path, "chain", {"base": 64, "tiny": 16, "short": 32, "long": 128}, switches=steps)
    data = load_study_data(folder)
    chain = all_effects(data, MIXED).set_index("variant").loc[["short", "base"]]
    all_rows = effects(data, MIXED).set_index("variant")
    assert list(chain["against"]) == ["tiny", "short"]
    assert list(all_rows.index) == ["tiny", "short", "long"]
    assert list(all_rows["against"]) == ["base", "tiny", "base"]
    assert list(all_rows["family"]) == ["variants", "steps", "variants"]
    assert all_rows.loc["short", "holm_p"] == chain.loc["short", "holm_p"]


@pytest.mark.parametrize("place", ["publish._copy_failure", "publish.write_record", "publish.write_tables"])
def test_a_publication_that_was_stopped_after_its_runs_were_copied_counts_its_looks_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr("leo_bench.commands.publish.write_report", lambda folder, *_: folder)
    options = ["--profile", "cpu", "--results", str(tmp_path), "--reports", str(tmp_path / "reports"), "--partial"]
    sources = {"short": Source(study="large", variant="short", label="short")}
    part = Part(kind="level", variant="short", above=0.5)
    claims = Claims(sources=sources, claims={"short": Claim(section="a", words="good", parts=[part])})
    write(tmp_path, "judging", {"other": 16}, 2, claims=claims)
    folder = write(tmp_path, "large", {"base": 64, "short": 32}, 4)
    runs = read_record(folder / "study.json", Plan).runs
    later = [run for run in runs if run.seed > 1]
    for run in later:  # planned, and not done when the study is published for the first time
        (tmp_path / "runs" / run.run_key).rename(tmp_path / run.run_key)
    for study in ("judging", "large"):
        assert cli.main(["publish", study, *options]) == 0

    def looks() -> list[int]:
        places = (tmp_path / "official" / study / "study.json" for study in ("large-cpu", "judging-cpu"))
        return [read_record(path, Plan).n_looks for path in places]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = looks()
    for run in later:
        (tmp_path / run.run_key).rename(tmp_path / "runs" / run.run_key)
    with monkeypatch.context() as patch:
        patch.setattr(f"leo_bench.running.{place}", stop)
        assert cli.main(["publish", "large", *options]) == 130
    for _ in range(2):
        assert cli.main(["publish", "large", *options]) == 0
        assert looks() == [before[0] + 1, before[1] + 1]
    assert not list((tmp_path / "official").glob("*/before_publishing.json"))


def test_a_damaged_note_of_what_was_published_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "large", {"base": 64}, 2)
    note = tmp_path / "official" / "large-cpu" / "before_publishing.json"
    note.parent.mkdir(parents=True)
    options = ["--profile", "cpu", "--results", str(tmp_path), "--reports", str(tmp_path / "reports")]
    for text in ("{", "[]", '{"n_looks": 1}', '{"n_looks": 1, "runs": [["base"]]}'):
        note.write_text(text)
        assert cli.main(["publish", "large", *options]) == 2
        error = capsys.readouterr().err
        assert "before_publishing.json" in error and "publish the study again" in error and error.count("\n") == 1
