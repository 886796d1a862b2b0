"""Conversion of schema 1, in which one result.json and one episodes.npz held the training and its tests."""

from collections.abc import Mapping
from typing import Any

from leo_bench.config import TestSettings, test_key

KEPT_OF_A_RUN = ("run_key", "numerics", "commit", "attempt", "started", "finished", "data_digest", "weights_digest")


def is_old(record: object) -> bool:
    """Return True if a JSON value is a record of schema 1."""
    return isinstance(record, dict) and record.get("schema_version") == 1


def new_plan(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan as today's study.json: every planned run gets the source digest of the old plan."""
    plan = {name: value for name, value in old.items() if name not in ("numerics", "schema_version")}
    return {**plan, "runs": [{**run, "numerics": old["numerics"]} for run in old["runs"]]}


def new_result(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the training as today's result.json."""
    moved = ("schema_version", "tests", "eval_seconds", "adapt_ms")
    return {name: value for name, value in old.items() if name not in moved}


def new_tests(old: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each test as today's result.json. Only the headline test has a time to adapt."""
    common = {name: old[name] for name in KEPT_OF_A_RUN} | {
        "host": old["host"],
        "versions": old["versions"],
        "eval_seconds": old["eval_seconds"] / len(old["tests"]),
    }
    tests = []
    for found in old["tests"]:
        test = {name: value for name, value in found.items() if name != "array"}
        test["dataset"] = old["settings"]["dataset"]
        asked = TestSettings(**{name: test[name] for name in TestSettings.model_fields if name in test})
        headline = test["n_way"] == old["settings"]["n_way"] and test["episode_mode"] == "mixed"
        adapt_ms = old["adapt_ms"] if headline else None
        tests.append({**common, **test, "test_key": test_key(old["run_key"], asked), "adapt_ms": adapt_ms})
    return tests


def array_name(test: TestSettings) -> str:
    """Return the name of the counts of a test in episodes.npz of the run."""
    return f"{test.split}_{test.episode_mode}_{test.n_way}way"
