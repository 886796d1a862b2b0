"""Accuracies that the source document expects."""

from leo_bench.figures import BANDS
from leo_bench.report.study.data import Cell, StudyData


def documented_band(data: StudyData, cell: Cell, variant: str) -> tuple[float, float] | None:
    """Return the accuracy that the source document expects of a variant on a test; None if it says nothing.

    The document speaks of LEO on Omniglot with mixed alphabets.
    """
    settings = data.settings[variant]
    if settings["dataset"] != "omniglot" or cell[1] != "mixed" or settings["learner"] != "leo":
        return None
    return BANDS.get((cell[0], int(settings["k_shot"])))


def document_words(data: StudyData, cell: Cell, variant: str) -> str:
    """Return `97 to 99%`; empty if the document says nothing."""
    band = documented_band(data, cell, variant)
    return f"{100 * band[0]:.0f} to {100 * band[1]:.0f}%" if band else ""
