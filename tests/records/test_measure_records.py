"""Records of measures: read whole, or refused in one line; carried along when a study is published."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from results_fixture import edit_record, make_plan, write_run, write_study

from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    MEASURES,
    Measure,
    Measures,
    Plan,
    Result,
    read_measures,
    read_record,
    run_state,
    write_record,
)
from leo_bench.running.attempts import set_aside
from leo_bench.running.publish import publish
from leo_bench.running.take_published import take_published


@pytest.fixture
def plan() -> Plan:
    return make_plan({"leo": {}}, [0])


@pytest.fixture
def folder(tmp_path: Path, plan: Plan) -> Path:
    write_study(tmp_path, plan)
    return write_run(tmp_path, plan, plan.runs[0], lambda *_: np.arange(72).reshape(12, 6))


def trained(folder: Path) -> Result:
    return read_record(folder / "result.json", Result)


def measures(folder: Path, **changes: Any) -> Measures:
    result = trained(folder)
    one = Measure(value=0.5, per_episode=[0.25, 0.5, 0.75], unit="share", what="A share.")
    whole = Measure(value=7, per_episode=[], unit="directions", what="A count.")
    fields: dict[str, Any] = {
        "run_key": result.run_key,
        "weights_digest": result.weights_digest,
        "data_digest": result.data_digest,
        "episodes_digest": "e",
        "numerics": "n",
        "n_way": 5,
        "k_shot": 1,
        "n_episodes": 3,
        "n_within_alphabet": 1,
        "commit": "c",
        "versions": {},
        "measures": {"whole": whole, "one": one},  # the second is checked too
    }
    return Measures(**{**fields, **changes})


def test_measures_are_read_as_they_were_written(folder: Path) -> None:
    assert read_measures(folder, trained(folder)) is None
    write_record(folder / MEASURES, measures(folder))
    assert read_measures(folder, trained(folder)) == measures(folder)


def test_measures_of_other_weights_are_none(folder: Path) -> None:
    write_record(folder / MEASURES, measures(folder, weights_digest="of before"))
    assert read_measures(folder, trained(folder)) is None


def replaced(old: str, new: str) -> Any:
    def change(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "truncated or not JSON"),
        (lambda path: edit_record(path, n_episodes=4), "one has 3 episodes, but there are 4"),
        (lambda path: edit_record(path, run_key="0123456789abcdef"), "is the record of another run"),
        (lambda path: edit_record(path, more=1), "more"),
        (replaced('"value": 0.5', '"value": NaN'), "value"),
        (replaced('"value": 0.5', '"value": 0.6'), "one is 0.6, but its episodes have the mean 0.5"),
        (replaced('"A share."', '"Another."'), "was changed after it was written"),
        (replaced('"one"', '"One/two"'), "pattern"),
    ],
)
def test_a_damaged_record_is_named_in_one_line(folder: Path, damage: Any, words: str) -> None:
    write_record(folder / MEASURES, measures(folder))
    damage(folder / MEASURES)
    with pytest.raises(LeoBenchError) as caught:
        read_measures(folder, trained(folder))
    message = str(caught.value)
    assert words in message and MEASURES in message and "\n" not in message
    assert message.endswith(f"remove it and measure again: leo-bench measure {folder.name}")
    assert "run the study" not in message


def test_no_more_episodes_than_a_small_file_holds(folder: Path) -> None:
    with pytest.raises(ValueError, match="at most 200"):
        Measure(value=0.5, per_episode=[0.5] * 201, unit="share", what="A share.")


def test_publishing_carries_measures_there_and_back(folder: Path, tmp_path: Path, plan: Plan) -> None:
    write_record(folder / MEASURES, measures(folder))
    target = publish(tmp_path, plan.study, plan.profile, partial=False).parent / "runs" / folder.name
    assert (target / MEASURES).read_bytes() == (folder / MEASURES).read_bytes()
    folder.rename(tmp_path / "gone")
    assert take_published(tmp_path, plan) == 1
    assert read_measures(folder, trained(folder)) == measures(folder)
    (folder / MEASURES).unlink()  # publishing again from a store without them leaves them where they are
    publish(tmp_path, plan.study, plan.profile, partial=False)
    assert (target / MEASURES).exists()


@pytest.mark.parametrize(("weights", "taken"), [(None, 1), ("others", 0)])
def test_a_done_run_gets_the_published_measures_of_its_weights(
    folder: Path, tmp_path: Path, plan: Plan, weights: str | None, taken: int
) -> None:
    write_record(folder / MEASURES, measures(folder))
    publish(tmp_path, plan.study, plan.profile, partial=False)
    (folder / MEASURES).unlink()
    counts = lambda *_: np.arange(72).reshape(12, 6)  # noqa: E731
    write_run(tmp_path, plan, plan.runs[0], counts, **({"weights_digest": weights} if weights else {}))
    assert take_published(tmp_path, plan) == taken
    assert (folder / MEASURES).exists() == bool(taken)
    assert take_published(tmp_path, plan) == 0


def test_measures_of_weights_that_are_published_no_more_go(folder: Path, tmp_path: Path, plan: Plan) -> None:
    write_record(folder / MEASURES, measures(folder))
    target = publish(tmp_path, plan.study, plan.profile, partial=False).parent / "runs" / folder.name
    counts = lambda *_: np.arange(72).reshape(12, 6)  # noqa: E731
    write_run(tmp_path, plan, plan.runs[0], counts, weights_digest="new")
    publish(tmp_path, plan.study, plan.profile, partial=False, replace=True)
    assert trained(target).weights_digest == "new"
    assert not (target / MEASURES).exists()


def test_damaged_measures_are_not_published(folder: Path, tmp_path: Path, plan: Plan) -> None:
    (folder / MEASURES).write_text("{}")
    with pytest.raises(LeoBenchError, match="measure again"):
        publish(tmp_path, plan.study, plan.profile, partial=False)


def test_measures_are_set_aside_with_their_training(folder: Path, plan: Plan) -> None:
    write_record(folder / MEASURES, measures(folder))
    set_aside(folder)
    assert not (folder / MEASURES).exists()
    assert run_state(plan.runs[0], folder).result is None
    assert (folder / "attempt-0" / MEASURES).exists()
