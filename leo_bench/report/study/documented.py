"""Accuracies that the source document expects of LEO on Omniglot, and how far its conditions hold for a run."""

from collections.abc import Iterable
from typing import NamedTuple

from leo_bench.config import Settings
from leo_bench.report.sentences import distinct
from leo_bench.statistics.studies.study import Cell, StudyData

EXPECTED = {(5, 1): (0.95, 0.98), (5, 5): (0.97, 0.99)}
"""(n_way, k_shot) -> lowest and highest accuracy expected, mixed alphabets."""
CONDITIONS = Settings()
"""Training and images that the document speaks of: 2,000 5-way episodes of 15 queries a class, 105x105 pixels."""


class Band(NamedTuple):
    """Accuracies that the document expects. Fractions."""

    low: float
    high: float
    condition: str
    """Conditions of the document that differ from the run's, such as `105x105 pixels`; empty if none does."""


def band_words(bands: Iterable[Band]) -> str:
    """Return `95 to 98%`, or `95 to 98% (105x105 pixels)`: the different bands, then all conditions not met."""
    found = list(bands)
    ranges = distinct(f"{100 * band.low:.0f} to {100 * band.high:.0f}%" for band in found)
    conditions = ", ".join(dict.fromkeys(part for band in found for part in band.condition.split(", ") if part))
    return ranges + (f" ({conditions})" if conditions else "")


def documented_band(data: StudyData, cell: Cell, variant: str) -> Band | None:
    """Return the accuracy that the source document expects of a variant on a test; None if it says nothing.

    It says nothing of other learners and data, of episodes within an alphabet, and of another number of training
    images.
    """
    run = Settings.model_construct(**data.settings[variant])
    document = CONDITIONS.model_copy(update={"k_shot": run.k_shot})
    found = EXPECTED.get((cell[0], run.k_shot))
    if found is None or (run.dataset, cell[1], run.learner) != ("omniglot", "mixed", "leo"):
        return None
    if run.n_train_images != document.n_train_images:
        return None
    pairs = [
        (f"{one.n_train_episodes:,} {one.ways_in_training}-way episodes", f"{one.image_size}x{one.image_size} pixels")
        for one in (document, run)
    ]
    return Band(*found, ", ".join(wanted for wanted, own in zip(*pairs, strict=True) if wanted != own))


def document_words(data: StudyData, cell: Cell, variant: str) -> str:
    """Return `97 to 99%`, with the document's conditions if the run has others; empty if the document says nothing."""
    band = documented_band(data, cell, variant)
    return band_words([band]) if band else ""
