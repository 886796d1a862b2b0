"""The sentences of a report that stand for settings, switches and warnings."""

from pathlib import Path

import pytest
from results_fixture import binomial_counts, make_plan, write_run, write_study

from leo_bench.config import Settings
from leo_bench.config.explain import explanation
from leo_bench.data.locate import DataSource
from leo_bench.report.study.sentences import notices
from leo_bench.report.study.switches import NO_SETTING, switch_words
from leo_bench.running.plan import make_plan as plan_of_study
from leo_bench.running.study_file import study_names
from leo_bench.statistics.studies.study import load_study_data

STUDIES = Path(__file__).parents[3] / "studies"


@pytest.mark.parametrize("study", study_names(STUDIES))
def test_every_switch_of_every_study_is_explained(study: str) -> None:
    source = DataSource("omniglot", "zips", Path())
    profile = "official" if study == "ablations" else "cpu"
    switches = plan_of_study(STUDIES, study, profile, source).switches
    assert switches
    assert [name for name in switches if not switch_words(name)] == []


def test_a_setting_is_explained_by_its_own_definition_alone() -> None:
    assert switch_words("latent_dim") == explanation("latent_dim")
    assert not set(NO_SETTING) & set(Settings.model_fields)
    assert switch_words("no switch") == ""


def test_what_runs_found_wrong_with_themselves_stands_before_any_number(tmp_path: Path) -> None:
    plan = make_plan({"leo": {}, "decode_task": {"decode": "task"}}, [0, 1])
    counts = binomial_counts(lambda *_: (0.2, 0.2), 12, {"leo": 5, "decode_task": 5})
    for run in plan.runs:
        trouble = ["accuracy is at chance (20%); set decode to class"] if run.variant == "decode_task" else []
        write_run(tmp_path, plan, run, counts, warnings=trouble)
    found = notices(load_study_data(write_study(tmp_path, plan)))
    assert found == ["decode_task: accuracy is at chance (20%); set decode to class."]
