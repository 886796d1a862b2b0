"""A small search to be shown: one range on a log scale, one of whole numbers, one choice."""

from typing import Any

from search_fixture import make_search

from leo_bench.records.search import Parameter, SearchPlan

SPACE = [
    Parameter(name="outer_lr", low=0.0001, high=0.01, log=True),
    Parameter(name="inner_steps", low=3, high=10, whole=True),
    Parameter(name="relation", choices=["pairwise", "none"]),
]
DRAWN = {"outer_lr": 0.001, "inner_steps": 5, "relation": "none"}
"""Parameters of a trial."""


def make_ranges(**changes: Any) -> SearchPlan:
    fields = {"space": SPACE, "search": "ranges", "question": "Which settings are best?", "n_trials": 6}
    return make_search(**{**fields, **changes})
