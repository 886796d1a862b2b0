"""Data sets, class splits and episodes. This module lists the data sets and imports none, so that it costs nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that a run can name."""

    module: str
    """Module below leo_bench.data with `read(source) -> Drawings` and `fingerprint(source) -> str`."""
    n_drawings: int
    """Number of drawings of each class."""
    n_test: int
    """Number of test classes of the split `lake`, which every test on a data set not trained on has."""
    n_val: int = 0
    """Number of its validation classes."""
    form: str = ""
    """Source of the drawings if they need no files; empty if files have to be found (locate.py)."""
    origin: str = ""
    """Source of drawings without files, in words."""
    trains: bool = True
    """False for a data set that is only tested on."""
    documented: bool = False
    """True if the source document states an expected accuracy on it."""

    def n_classes(self, split: str) -> int:
        """Return the number of classes to test on. split: `test` or `val`."""
        return self.n_val if split == "val" else self.n_test


DATASETS = {
    "omniglot": DatasetEntry("omniglot", n_drawings=20, n_test=659, n_val=160, documented=True),
    "glyphs": DatasetEntry("glyphs", n_drawings=20, n_test=420, n_val=110, form="drawn", origin="drawn by leo_bench"),
    "digits": DatasetEntry(
        "digits", n_drawings=174, n_test=10, form="installed", origin="shipped with scikit-learn", trains=False
    ),
}
"""Name -> data set. A new data set is one file in this folder and one line here."""
