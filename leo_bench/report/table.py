"""A table of a report, and how its cells are written."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from leo_bench.records import signed

NONE = "-"
TEXT_COLUMNS = (
    "changes,verdict,compared with,message,status,command,run,test,state,settings,what,data,why not compared,measured,"
    "the document,holds if,leaning,claim,remark,rule,section of the document,measured quantity"
).split(",")
"""Columns of words that are left-aligned, like the first column."""
TONES = {"better": "better", "worse": "worse", "no difference": "same", "direction": "leaning"}
TONES |= {"holds in part": "leaning", "holds": "better", "does not hold": "worse"}
TONES |= {"yes": "better", "good": "better", "bad": "worse"}
"""Start of a verdict or answer -> its class in a page, for colour and mark. Any other value is `unsure`."""


@dataclass(frozen=True)
class ReportTable:
    """A table as numbers, for tables/<name>.csv, and as words, for the pages."""

    name: str
    caption: str
    numbers: pd.DataFrame
    words: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    """Remarks on single rows."""

    @property
    def text_columns(self) -> list[str]:
        return [name for name in self.words.columns if name.rpartition(": ")[2] in TEXT_COLUMNS]


def tone(value: str) -> str:
    """Return the class of a verdict or answer in a page."""
    return next((name for start, name in TONES.items() if value.startswith(start)), "unsure")


def percent(value: float, decimals: int = 1) -> str:
    return NONE if np.isnan(value) else f"{100 * value:.{decimals}f}"


def with_interval(mean: float, low: float | None, high: float | None, kind: str, decimals: int = 1) -> str:
    """Return `80.6 ± 1.2`; an interval over episodes is marked e."""
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return percent(mean, decimals)
    return f"{percent(mean, decimals)} ± {100 * (high - low) / 2:.{decimals}f}{' e' if kind == 'episodes' else ''}"


def decimals_for(margins: "pd.Series[float]") -> int:
    """Return how many decimals of a percentage show a difference that matters: 1, or 2 with a margin below 0.5 points.

    margins: fractions, NaN where there is none.
    """
    return 2 if bool((margins < 0.005).any()) else 1


def difference(mean: float, low: float, high: float, kind: str, decimals: int = 1) -> str:
    """Return `+1.2 [-0.3, +2.7]` in points; an interval over episodes is marked e."""
    if np.isnan(mean):
        return NONE
    bounds = "" if np.isnan(low) else f" [{signed(100 * low, decimals)}, {signed(100 * high, decimals)}]"
    return f"{signed(100 * mean, decimals)}{bounds}{' e' if bounds and kind == 'episodes' else ''}"


def notes_of(frame: pd.DataFrame) -> list[str]:
    """Return the notes of rows, each with the variant's label."""
    return [f"{label}: {note}." for label, note in zip(frame["label"], frame["note"], strict=True) if note]


def p_value(p: float) -> str:
    return NONE if np.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
