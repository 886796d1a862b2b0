"""Options that contradict each other, or that a command would ignore: refused, not resolved in silence."""

import argparse
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from leo_bench.config import Settings
from leo_bench.data import DATASETS
from leo_bench.errors import LeoBenchError

GIVEN = "given"
"""Attribute of the parsed options: names of the options that the command line has."""


def options_given(options: argparse.Namespace, *names: str) -> list[str]:
    """Return which of these options the command line has, as they are typed: `--dataset`, `-n`."""
    known = getattr(options, GIVEN, ())
    found = [name for name in names if name in known or getattr(options, name) is True or _collected(options, name)]
    return [f"{'--' if len(name) > 1 else '-'}{name.replace('_', '-')}" for name in found]


def _collected(options: argparse.Namespace, name: str) -> bool:
    """Return True if an option that collects values has some."""
    value = getattr(options, name)
    return isinstance(value, list) and bool(value)


def refuse_beside(option: str, why: str, others: list[str]) -> None:
    """Raise LeoBenchError if others, options that do not apply beside `option`, are given."""
    if others:
        raise LeoBenchError(f"{option} {why}, so {' and '.join(others)} would be ignored; leave out one or the other")


def refuse_alone(option: str, others: list[str]) -> None:
    """Raise LeoBenchError if others, options that need `option`, are given without it."""
    if others:
        raise LeoBenchError(f"{' and '.join(others)} would be ignored without {option}; add it, or leave out the other")


def refuse_other_values(options: argparse.Namespace, values: Mapping[str, Any], where: str) -> None:
    """Raise LeoBenchError if the data set or device on the command line is not the one that `where` sets.

    values: settings that `where` has.
    """
    for option in options_given(options, "dataset", "device"):
        name = option.removeprefix("--")
        asked = getattr(options, name)
        if name in values and values[name] != asked:
            raise LeoBenchError(
                f"{option} {asked} and {where} ({name} = {values[name]!r}) contradict each other; leave one out"
            )


def refuse_without_effect(options: argparse.Namespace, settings: Collection[Mapping[str, Any]]) -> None:
    """Raise LeoBenchError if an option names a value that none of these runs has, since each sets another one.

    settings: those of the runs, as plain values.
    """
    for option in options_given(options, "dataset", "device", "precision"):
        name = option.removeprefix("--")
        asked = getattr(options, name)
        if asked != "auto" and all(values[name] != asked for values in settings):
            raise LeoBenchError(
                f"{option} {asked} has no effect: every run sets another value or cannot take this one; leave it out"
            )


def refuse_data_unused_by(data: Path | None, *settings: Settings) -> None:
    """Raise LeoBenchError if a folder of Omniglot is given, but runs of these settings read no files."""
    refuse_unused_data(data, {name for one in settings for name in (one.dataset, *one.test_datasets)})


def refuse_unused_data(data: Path | None, datasets: Iterable[str]) -> None:
    """Raise LeoBenchError if a folder of Omniglot is given, but no data set has files."""
    names = sorted(set(datasets))
    if data is not None and all(DATASETS[name].form for name in names):
        raise LeoBenchError(
            f"--data names a folder of Omniglot, but the data set is {' and '.join(names)}, which has no files; leave "
            "--data out"
        )
