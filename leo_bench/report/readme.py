"""Numbers of README.md: blocks between two marks, made from published reports."""

import os
import re
from collections.abc import Callable
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
    """Fill the blocks of readme that name a published report's folder, and return True if there is such a block.

        <!-- begin NAME:BLOCK --> ... <!-- end NAME:BLOCK -->      BLOCK: a key of BLOCKS

    A block that the report has no data for stays as it was.
    """
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    name = re.escape(report_folder.name)
    marks = re.compile(rf"(<!-- begin {name}:([\w-]+) -->\n)(.*?)(<!-- end {name}:\2 -->)", re.DOTALL)
    link = Path(os.path.relpath(report_folder, readme.parent)).as_posix()

    def filled(match: re.Match[str]) -> str:
        made = BLOCKS[match[2]](report_folder, link) if match[2] in BLOCKS else ""
        return match[1] + (made or match[3]) + match[4]

    text, n_blocks = marks.subn(filled, text)
    if n_blocks:
        write_atomic(readme, text.encode())
    return n_blocks > 0


def waterfall_block(report_folder: Path, link: str) -> str:
    """Return the waterfall figure with a short alternative text; an empty text if the report has no waterfall."""
    steps = [row for row in _rows(report_folder, "switch-step") if row["episode_mode"] == "mixed"]
    names = [f"{percent(row['accuracy'])}% ({row['label']})" for row in steps if row["n_way"] == steps[0]["n_way"]]
    if len(names) < 2:
        return ""
    way, count = steps[0]["n_way"], len(names) - 1
    alt = f"{way}-way accuracy in {count} steps, from {names[0]} to {names[-1]}, and without each part"
    picture = f"![{alt}]({link}/figures/switch-step.png)"
    return f"{picture}\n\n[All numbers of this figure, with intervals and verdicts]({link}/report.md).\n"


def headline_block(report_folder: Path, link: str) -> str:
    """Return the headline table: accuracy of METHODS on TESTS; an empty text if the report has no such tables."""
    tables = ("main", "not-compared")
    rows = {str(row["variant"]): row for name in tables for row in _rows(report_folder, name)}
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


BLOCKS: dict[str, Callable[[Path, str], str]] = {"switch-step": waterfall_block, "headline": headline_block}
"""Name of a block -> function of the report's folder and the link to it that makes the block."""


def _cell(row: dict[str, Any], test: str, variant: str) -> str:
    """Return `98.1`, or for INTERVAL `98.1 (98.0 to 98.2)`: accuracy on one test of a row of the main table."""
    mean, low, high = (percent(float(row.get(f"{name}_{test}", np.nan))) for name in ("accuracy", "low", "high"))
    return f"{mean} ({low} to {high})" if variant == INTERVAL and mean != NONE else mean


def _rows(report_folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a report's table, column -> value; empty if the report does not have it."""
    path = report_folder / "tables" / f"{name}.csv"
    return pd.read_csv(path).to_dict("records") if path.exists() else []  # type: ignore[return-value]
