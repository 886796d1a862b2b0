"""Reading of published records of schema 1."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from results_fixture import make_plan, write_run, write_study

from leo_bench.config import make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import load_study, run_state
from leo_bench.running.publish import publish

OFFICIAL = Path(__file__).parents[2] / "results" / "official"
OLD = [
    folder for folder in sorted(OFFICIAL.glob("*-*")) if (folder / "runs").is_dir() and (folder / "study.json").exists()
]


@pytest.mark.parametrize("folder", OLD[:3], ids=lambda folder: folder.name)
def test_published_runs_of_schema_1_are_done_with_the_numbers_of_their_table(folder: Path) -> None:
    view = load_study(folder)
    with (folder / "runs.csv").open() as file:
        table = {row["run_key"]: row for row in csv.DictReader(file)}
    assert len(view.done) == len(table) == len(view.runs)
    for run in view.done:
        row = table[run.planned.run_key]
        assert float(row["accuracy"]) == float(f"{run.headline.accuracy:.12g}")  # the digits of the table
        assert float(row["adapt_ms"]) == float(f"{run.headline.adapt_ms:.12g}")
        assert row["numerics"] == run.planned.numerics == run.headline.numerics
        queries = run.headline.n_way * run.headline.n_query
        assert np.isclose(run.correct(run.headline)[:, -1].mean() / queries, run.headline.accuracy, atol=1e-12)
        assert run.result is not None
        assert make_settings(run.planned.settings).run_key != run.planned.run_key  # the key of schema 2 is another


@pytest.fixture
def old_study(tmp_path: Path) -> Path:
    """Write a published study of schema 1: one run, two tests of three episodes of 5 * 15 and 20 * 15 queries."""
    settings = {"n_way": 5, "decode": "class", "n_test_episodes": 3, "inner_steps": 1, "seed": 4, "image_size": 28}
    settings |= {"learner": "leo", "dataset": "omniglot", "k_shot": 1, "test_modes": ["mixed"]}
    run = {"variant": "leo", "seed": 4, "run_key": "0123456789abcdef", "settings": settings}
    plan = {"study": "s", "profile": "cpu", "question": "?", "baseline": "leo", "margin": 0.005, "switches": {}}
    plan |= {"labels": {"leo": "LEO"}, "references": [], "numerics": "feedfeedfeed", "accept_stale": False}
    folder = tmp_path / "s-cpu"
    store = folder / "runs" / run["run_key"]
    store.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps({"schema_version": 1, **plan, "runs": [run]}))
    counts = {5: np.array([[15, 30], [30, 45], [45, 60]]), 20: np.array([[60, 150], [90, 180], [120, 210]])}
    np.savez(store / "episodes.npz", **{f"test_mixed_{way}way": array for way, array in counts.items()})
    tests = []
    for way, array in counts.items():
        shares = array / (way * 15)
        means = shares.mean(0)
        test = {"split": "test", "episode_mode": "mixed", "n_way": way, "k_shot": 1, "n_query": 15}
        test |= {"n_test_episodes": 3, "batch_norm": "running", "steps": [0, 1], "accuracy_by_step": list(means)}
        test |= {"accuracy": means[-1], "accuracy_before": means[0], "episodes_digest": f"e{way}"}
        test |= {"accuracy_ci95": 1.96 * shares[:, -1].std(ddof=1) / 3**0.5, "array": f"test_mixed_{way}way"}
        tests.append(test)
    record = {"schema_version": 1, "run_key": run["run_key"], "settings": settings, "numerics": "feedfeedfeed"}
    record |= {"commit": "c", "attempt": 1, "started": "a", "finished": "b", "seeds": {"root": 4}, "data_digest": "d"}
    record |= {
        "n_parameters": 9,
        "parameters_by_part": {"head": 9},
        "n_generated": 1,
        "n_train_episodes": 2000,
        "n_train_images": 3,
    }
    record |= {
        "batch_norm": "running",
        "train_seconds": 1.0,
        "eval_seconds": 6.0,
        "adapt_ms": 7.0,
        "weights_digest": "w",
    }
    record |= {"peak_memory_mb": 1.0, "curve": [], "validation": [], "tests": tests, "host": {}, "versions": {}}
    (store / "result.json").write_text(json.dumps(record))
    return folder


def test_a_run_of_schema_1_is_a_training_and_its_tests(old_study: Path) -> None:
    (run,) = load_study(old_study).done
    assert [(test.name, test.dataset) for test in (t.asked for t in run.tests)] == [
        ("5-way 1-shot mixed", "omniglot"),
        ("20-way 1-shot mixed", "omniglot"),
    ]
    # by hand: (30 + 45 + 60) / 3 / 75 = 0.6 and (150 + 180 + 210) / 3 / 300 = 0.6; before 30 / 75 and 90 / 300
    assert [test.accuracy for test in run.tests] == pytest.approx([0.6, 0.6])
    assert [test.accuracy_before for test in run.tests] == pytest.approx([0.4, 0.3])
    assert run.correct(run.tests[1])[:, -1].tolist() == [150, 180, 210]
    assert run.by_character(run.headline) is None
    assert (run.headline.adapt_ms, run.tests[1].adapt_ms) == (7.0, None)
    assert sum(test.eval_seconds for test in run.tests) == 6.0
    assert run.planned.numerics == "feedfeedfeed"


def test_a_test_that_schema_1_did_not_record_is_missing(old_study: Path) -> None:
    run = load_study(old_study).done[0]
    more = run.planned.model_copy(update={"settings": {**run.planned.settings, "test_k_shots": [5]}})
    state = run_state(more, run.folder)
    assert state.status == "missing"
    assert state.message.startswith("trained; 2 of 4 tests are not scored, first: 5-way 5-shot mixed")


def test_changed_numbers_of_schema_1_are_found(old_study: Path) -> None:
    path = old_study / "runs" / "0123456789abcdef" / "result.json"
    path.write_text(path.read_text().replace('"accuracy_before": 0.4', '"accuracy_before": 0.1'))
    (run,) = load_study(old_study).runs
    assert run.status == "corrupt"
    assert "accuracy_before is 0.100000, but its counts give 0.400000" in run.message


def test_a_published_study_of_schema_1_is_not_replaced_by_fewer_runs(tmp_path: Path) -> None:
    source = max(OLD, key=lambda folder: len(load_study(folder).done))
    target = tmp_path / "official" / source.name
    shutil.copytree(source, target)
    before = load_study(target)
    plan = make_plan({"leo": {}}, [0], study=before.plan.study, profile=before.plan.profile)
    write_study(tmp_path, plan)
    write_run(tmp_path, plan, plan.runs[0], lambda *_: np.arange(12 * 6).reshape(12, 6) % 75)
    with pytest.raises(LeoBenchError, match=rf"has {len(before.done)} done runs, but only 1 would remain"):
        publish(tmp_path, plan.study, plan.profile, partial=True)
    assert len(load_study(target).done) == len(before.done)
