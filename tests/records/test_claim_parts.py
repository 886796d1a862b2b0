"""Statements about one number: which are whole, and what is said of those that are not."""

from typing import Any

import pytest

from leo_bench.data import DATASETS
from leo_bench.records.claims import ACCURACIES, COSTS, MEASURES, Part, part_fault, quantity_fault

GOOD: dict[str, dict[str, Any]] = {
    "level": {"kind": "level", "variant": "a", "above": 0.9},
    "level between bounds": {"kind": "level", "variant": "a", "above": 0, "below": "margin"},
    "level of a difference": {
        "kind": "level",
        "variant": "a",
        "quantity": "measure:spectrum_top",
        "minus": "measure:spectrum_top_decoder",
        "above": 0,
    },
    "difference": {"kind": "difference", "variant": "a", "against": "b", "below": "-margin"},
    "difference of tests": {
        "kind": "difference",
        "variant": "a",
        "against": "b",
        "above": "margin",
        "tests": ["digits 10-way 5-shot mixed"],
        "more_than_on": "20-way within alphabet",
    },
    "ratio": {"kind": "ratio", "variant": "a", "against": "b", "quantity": "adapt_ms", "above": 2},
    "trend": {"kind": "trend", "variants": ["a", "b"], "below": 0},
    "count": {"kind": "count", "variant": "a", "quantity": "setting:inner_steps", "equals": 0},
}


@pytest.mark.parametrize("part", GOOD.values(), ids=GOOD)
def test_a_whole_statement_has_no_fault(part: dict[str, Any]) -> None:
    assert part_fault(Part(**part), DATASETS) == ""


@pytest.mark.parametrize(
    ("good", "changes", "words"),
    [
        ("level", {"variant": ""}, "level needs variant"),
        ("difference", {"may_differ": ["precision"]}, "precision has no effect in may_differ of accuracy"),
        ("ratio", {"tests": ["5-way mixed", "20-way mixed"]}, "adapt_ms does not depend on the test"),
        ("count", {"variant": ""}, "count needs variant"),
        ("difference", {"variant": "", "against": ""}, "difference needs variant and against"),
        ("ratio", {"against": ""}, "ratio needs against"),
        ("trend", {"variants": []}, "trend needs variants"),
        ("level of a difference", {"minus": "measure:none"}, "unknown quantity 'measure:none'"),
        ("level of a difference", {"quantity": "accuracy"}, "minus is for a level of another quantity than accuracy"),
        ("ratio", {"minus": "train_seconds"}, "minus is for a level of another quantity than accuracy"),
        ("difference", {"quantity": "accuracy_gain"}, "accuracy_gain is for a level"),
        ("trend", {"quantity": "accuracy_before"}, "accuracy_before is for a level"),
        ("level", {"tests": ["5-way mixed", "5-way"]}, "unknown test '5-way'"),
        ("level", {"tests": ["5-way mixed "]}, "unknown test '5-way mixed '"),
        ("difference of tests", {"more_than_on": "hard ones"}, "unknown test 'hard ones'"),
        ("level", {"above": None}, "give it equals, or above, below or both"),
        ("count", {"above": 1}, "give it equals, or above, below or both"),
        ("count", {"below": 1}, "give it equals, or above, below or both"),
        ("count", {"kind": "level"}, "equals is for the kind count; give it above or below"),
        ("ratio", {"above": "margin"}, "the bound of a ratio is a number"),
        ("ratio", {"below": "-margin"}, "the bound of a ratio is a number"),
        ("trend", {"quantity": "n_parameters", "below": "-margin"}, "the margin is one of accuracy; give n_parameters"),
        ("trend", {"quantity": "n_parameters", "above": 1, "below": "-margin"}, "the margin is one of accuracy"),
        ("trend", {"quantity": "n_parameters", "above": "margin", "below": 9}, "the margin is one of accuracy"),
        ("level", {"tests": ["omniglott 5-way 1-shot mixed"]}, "unknown data set in the test 'omniglott 5-way 1-shot"),
        ("difference", {"against": "a"}, "variant and against are both 'a'"),
        ("level", {"above": 95}, "accuracies are fractions"),
        ("level", {"above": 0.9, "below": 0.8}, "no number is above 0.9 and below 0.8"),
    ],
)
def test_what_is_wrong_in_a_statement_is_named(good: str, changes: dict[str, Any], words: str) -> None:
    fault = part_fault(Part(**{**GOOD[good], **changes}), DATASETS)
    assert fault.startswith(words) and "\n" not in fault


@pytest.mark.parametrize("quantity", [*ACCURACIES, *COSTS, *(f"measure:{name}" for name in MEASURES), "setting:width"])
def test_every_quantity_is_known(quantity: str) -> None:
    assert quantity_fault(quantity) == ""


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        ("setting:wdth", "did you mean 'setting:width'?"),
        ("measure:zzz", "there are measure:class_similarity, "),
        ("zzz", "there are accuracy, accuracy_before, accuracy_gain, error, diverged, train_seconds, "),
        ("spectrum_top", "there are accuracy, "),
    ],
)
def test_an_unknown_quantity_has_a_hint(quantity: str, words: str) -> None:
    assert quantity_fault(quantity).startswith(f"unknown quantity {quantity!r}; {words}")
