"""Data sets, class splits and episodes. This module lists the data sets and imports none, so that it costs nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that a run can name."""

    module: str
    """Module below leo_bench.data with `read(source) -> Drawings` and `fingerprint(source) -> str`."""
    n_drawings: int
    """Number of drawings of each class."""
    n_classes: int
    form: str = ""
    """Source of the drawings if they need no files; empty if files have to be found (locate.py)."""
    origin: str = ""
    """Source of drawings without files, in words."""
    trains: bool = True
    """False for a data set that is only tested on."""
    documented: bool = False
    """True if the source document states an expected accuracy on it."""


DATASETS = {
    "omniglot": DatasetEntry("omniglot", n_drawings=20, n_classes=1623, documented=True),
    "glyphs": DatasetEntry("glyphs", n_drawings=20, n_classes=1020, form="drawn", origin="drawn by leo_bench"),
    "digits": DatasetEntry(
        "digits", n_drawings=174, n_classes=10, form="installed", origin="shipped with scikit-learn", trains=False
    ),
}
"""Name -> data set. A new data set is one file in this folder and one line here."""
