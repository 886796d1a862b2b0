"""Fuzzing: arbitrary values, and damage to a good one. `make test` tries few examples, `make test-long` many."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW, MANY = 24, 2000
EXAMPLES = pytest.mark.parametrize("n_examples", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])

NUMBERS = st.one_of(
    st.integers(-3, 1000),
    st.sampled_from([10**6, 2**31, 2**63, 10**30, -(10**30)]),
    st.floats(),
    st.floats(0, 1),
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "leo", "omniglot", "none", "../x", "/etc/passwd", "a\nb", "\x00", "${HOME}", "$(id)", "--help"]
    ),
)
SCALARS = st.one_of(NUMBERS, TEXTS, st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
"""Values that a TOML or JSON file can hold. TOML has no null."""


def fuzz(n_examples: int, *strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], None]:
    """Return a decorator that tries a function on n_examples drawn values at once."""

    def tried(holds: Callable[..., None]) -> None:
        quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much]
        chosen = settings(
            max_examples=n_examples,
            deadline=None,
            database=None,
            derandomize=n_examples < MANY // 2,  # `make test` gives the same answer every time
            suppress_health_check=quiet,
        )
        chosen(given(*strategies)(holds))()

    return tried


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all entries in nested dictionaries and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, one in inner for found in [(*path, key), *places(one, (*path, key))]]


def damaged(good: Any, values: st.SearchStrategy[Any] = VALUES) -> st.SearchStrategy[Any]:
    """Draw copies of nested dictionaries and lists with one to three entries replaced, removed or added."""
    change = st.tuples(st.sampled_from(places(good)), st.sampled_from(["replace", "remove", "add"]), TEXTS, values)

    def changed(changes: list[tuple[tuple[Any, ...], str, str, Any]]) -> Any:
        found = copy.deepcopy(good)
        for path, how, name, value in changes:
            inside = found
            try:
                for key in path[:-1]:
                    inside = inside[key]
                if how == "remove":
                    del inside[path[-1]]
                elif how == "add" and isinstance(inside, dict):
                    inside[name] = value
                else:
                    inside[path[-1]] = value
            except (KeyError, IndexError, TypeError):
                continue  # an earlier change has taken the place away
        return found

    return st.lists(change, min_size=1, max_size=3).map(changed)


def damaged_bytes(good: bytes) -> st.SearchStrategy[bytes]:
    """Draw copies of some bytes that are cut, or have a part replaced."""
    place = st.integers(0, len(good) - 1)
    cut = place.map(lambda end: good[:end])
    replaced = st.tuples(place, st.integers(0, 30), st.binary(max_size=30)).map(
        lambda drawn: good[: drawn[0]] + drawn[2] + good[drawn[0] + drawn[1] :]
    )
    return st.one_of(cut, replaced, st.binary(max_size=60))
