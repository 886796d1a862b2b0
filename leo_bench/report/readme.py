"""Numbers of README.md: blocks between two marks, made from published reports."""

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from leo_bench.records import write_atomic

NONE = "-"

METHODS = {
    "the document's LEO": "documented",
    "`leo`, class by class": "leo",
    "`paper`": "paper",
    "`prototype_start`": "tuned",  # the preset had this name when the study was measured
    "ProtoNet, recipe of `prototype_start`": "protonet",
}
"""Column of the headline table -> variant of the study presets."""
INTERVAL = "tuned"
"""Variant whose interval is shown."""
TESTS = (
    ("5-way 1-shot", "switch-preset", "5way_mixed", ""),
    ("20-way 1-shot", "switch-preset", "20way_mixed", ""),
    ("20-way 1-shot, one alphabet", "switch-preset", "20way_within_alphabet", ""),
    ("5-way 5-shot", "switch-k_shot", "5way_mixed", "_5_shots"),
    ("20-way 5-shot", "switch-k_shot", "20way_mixed", "_5_shots"),
)
"""Rows of the headline table: name, table of the report, columns in it, and what the variants' names end with."""


def refresh_readme(readme: Path, report_folder: Path) -> bool:
    """Fill the blocks of readme that name a published report's folder, and return True if there is such a block.

        <!-- begin NAME:BLOCK --> ... <!-- end NAME:BLOCK -->      BLOCK: a key of BLOCKS

    A block that the report has no data for stays as it was.
    """
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    marks = re.compile(
        rf"(<!-- begin {re.escape(report_folder.name)}:([\w-]+) -->\n)(.*?)"
        rf"(<!-- end {re.escape(report_folder.name)}:\2 -->)",
        re.DOTALL,
    )
    if not marks.search(text):
        return False
    link = Path(os.path.relpath(report_folder, readme.parent)).as_posix()

    def filled(match: re.Match[str]) -> str:
        made = BLOCKS[match[2]](report_folder, link) if match[2] in BLOCKS else ""
        return match[1] + (made or match[3]) + match[4]

    write_atomic(readme, marks.sub(filled, text).encode())
    return True


def waterfall_block(report_folder: Path, link: str) -> str:
    """Return the waterfall figure with a short alternative text; an empty text if the report has no waterfall."""
    steps = [row for row in _rows(report_folder, "switch-step") if row["episode_mode"] == "mixed"]
    headline = [row for row in steps if row["n_way"] == steps[0]["n_way"]]
    if len(headline) < 2:
        return ""
    first, last = headline[0], headline[-1]
    alt = (
        f"{first['n_way']}-way accuracy in {len(headline) - 1} steps, from {_percent(first['accuracy'])}% "
        f"({first['label']}) to {_percent(last['accuracy'])}% ({last['label']}), and without each part"
    )
    picture = f"![{alt}]({link}/figures/switch-step.png)"
    return f"{picture}\n\n[All numbers of this figure, with intervals and verdicts]({link}/report.md).\n"


def headline_block(report_folder: Path, link: str) -> str:
    """Return the headline table: accuracy of METHODS on TESTS; an empty text if the report has no such tables."""
    by_name = {
        name: {str(row["variant"]): row for row in _rows(report_folder, name)}
        for name in ("main", "not-compared", *(test[1] for test in TESTS))
    }
    if not all(by_name.values()):
        return ""
    lines = ["| test | " + " | ".join(METHODS) + " |", "|---|" + "---:|" * len(METHODS)]
    for name, table, test, ending in TESTS:
        cells = [
            _cell(by_name[table].get(variant + ending, {}), test, variant == INTERVAL) for variant in METHODS.values()
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    own, shots = by_name["main"][INTERVAL], by_name["not-compared"][f"{INTERVAL}_5_shots"]
    caption = (
        f"Accuracy in percent on Omniglot at {own['image_size']}x{own['image_size']} pixels, mean over "
        f"{own['n_seeds']} seeds, in brackets the 95% interval over seeds; {own['n_train_images']:,} training images, "
        f'{shots["n_train_images"]:,} at five shots. "{NONE}": not possible, or not measured. '
        f"[The whole report]({link}/report.md)."
    )
    return "\n".join([*lines, "", caption, ""])


BLOCKS: dict[str, Callable[[Path, str], str]] = {"switch-step": waterfall_block, "headline": headline_block}
"""Name of a block -> function of the report's folder and the link to it that makes the block."""


def _cell(row: dict[str, Any], test: str, interval: bool) -> str:
    """Return `98.1`, or `98.1 (98.0 to 98.2)`: accuracy on one test of a row of a switch's table."""
    mean, low, high = (float(row.get(f"{name}_{test}", math.nan)) for name in ("accuracy", "low", "high"))
    if math.isnan(mean):
        return NONE
    return f"{_percent(mean)} ({_percent(low)} to {_percent(high)})" if interval else _percent(mean)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def _rows(report_folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a report's table, column -> value; empty if the report does not have it."""
    path = report_folder / "tables" / f"{name}.csv"
    found = pd.read_csv(path).to_dict("records") if path.exists() else []
    return [{str(column): value for column, value in row.items()} for row in found]
