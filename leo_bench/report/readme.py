"""Headline table of README.md, made from a published report."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records import write_atomic
from leo_bench.report.table import NONE, percent

METHODS = {
    "the document's LEO": "documented",
    "`leo`, class by class": "leo",
    "`paper`": "paper",
    "`prototype_start`": "tuned",  # the preset had this name when the study was measured
    "ProtoNet, recipe of `prototype_start`": "protonet",
}
"""Column of the headline table -> variant of the study presets."""
INTERVAL = "tuned"  # the variant whose interval is shown
TESTS = (
    ("5-way 1-shot", "5way_mixed", ""),
    ("20-way 1-shot", "20way_mixed", ""),
    ("20-way 1-shot, one alphabet", "20way_within_alphabet", ""),
    ("5-way 5-shot", "5way_mixed", "_5_shots"),
    ("20-way 5-shot", "20way_mixed", "_5_shots"),
)
"""Rows of the headline table: name, columns of the main table, and what the variants' names end with."""


def refresh_readme(readme: Path, report_folder: Path) -> bool:
    """Fill the block of readme that names a published report's folder, and return True if there is such a block.

        <!-- begin NAME:headline --> ... <!-- end NAME:headline -->

    The block stays as it was if the report has no data for it.
    """
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    name = re.escape(report_folder.name)
    marks = re.compile(rf"(<!-- begin {name}:headline -->\n).*?(<!-- end {name}:headline -->)", re.DOTALL)
    if not marks.search(text):
        return False
    made = headline(report_folder, Path(os.path.relpath(report_folder, readme.parent)).as_posix())
    if made:
        write_atomic(readme, marks.sub(lambda match: match[1] + made + match[2], text).encode())
    return True


def headline(report_folder: Path, link: str) -> str:
    """Return the headline table: accuracy of METHODS on TESTS; an empty text if the report has no such tables."""
    paths = (report_folder / "tables" / f"{name}.csv" for name in ("main", "not-compared"))
    frames = [pd.read_csv(path) for path in paths if path.exists()]
    rows = {row["variant"]: row for frame in frames for row in frame.to_dict("records")}
    own, shots = rows.get(INTERVAL), rows.get(f"{INTERVAL}_5_shots")
    if own is None or shots is None:
        return ""
    lines = ["| test | " + " | ".join(METHODS) + " |", "|---|" + "---:|" * len(METHODS)]
    for name, test, ending in TESTS:
        cells = [_cell(rows.get(variant + ending, {}), test, variant) for variant in METHODS.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    caption = (
        f"Accuracy in percent on Omniglot at {own['image_size']}x{own['image_size']} pixels, mean over "
        f"{own['n_seeds']} seeds, in brackets the 95% interval over seeds; {own['n_train_images']:,} training images, "
        f'{shots["n_train_images"]:,} at five shots. "{NONE}": not possible, or not measured. '
        f"[The whole report]({link}/report.md)."
    )
    return "\n".join([*lines, "", caption, ""])


def _cell(row: dict[Any, Any], test: str, variant: str) -> str:
    """Return `98.1`, or for INTERVAL `98.1 (98.0 to 98.2)`: accuracy on one test of a row of the main table."""
    mean, low, high = (percent(float(row.get(f"{name}_{test}", np.nan))) for name in ("accuracy", "low", "high"))
    return f"{mean} ({low} to {high})" if variant == INTERVAL and mean != NONE else mean
