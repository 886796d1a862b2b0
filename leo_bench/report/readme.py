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

GOALS = (
    ("5-way 1-shot", None, "mixed", "95 to 98", 99.47),
    ("5-way 5-shot", None, "mixed", "97 to 99", 99.93),
    ("20-way 1-shot", None, "mixed", NONE, 97.65),
    ("20-way 5-shot", None, "mixed", NONE, 99.33),
    ("20-way 1-shot", None, "within alphabet", NONE, None),
    ("20-way 5-shot", None, "within alphabet", NONE, None),
    ("20-way 5-shot", "glyphs", "mixed", NONE, None),
    ("10-way 5-shot", "digits", "mixed", NONE, None),
)
"""Rows of the table of goals: ways and shots, data set if not that of training, kind of episodes, what the document
expects, what MAML++ reaches (Antoniou et al. 2019, table 1), both in percent."""
INTERVAL = ("accuracy", "low_whole", "high_whole")
"""Columns of a mean accuracy and its interval over seeds and test episodes."""
METHODS = {
    "protonet": "ProtoNet",
    "meta_sgd": "Meta-SGD",
    "maml": "MAML",
    "paper": "the paper's LEO",
    "leo": "`leo`",
    "leo_searched": "`leo` with settings searched",
}
"""Variants of the study compare that the sentence names beside tuned, and their names."""


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


def goals_block(report_folder: Path, link: str) -> str:
    """Return the table of goals of the study adaptation; an empty text if tuned and ProtoNet are not in its report."""
    own, *others = (_accuracies(report_folder, variant) for variant in ("tuned", "protonet", "protonet_copies"))
    if not own or not others[0]:
        return ""
    beside_own = ("ProtoNet, same recipe", "ProtoNet, with copies", "MAML++, published")
    names = ("test", "the document expects", "`tuned`", *beside_own)
    lines = [f"| {' | '.join(names)} |", "|---|" + "---:|" * (len(names) - 1)]
    for shots, data, mode, expected, published in GOALS:
        test = (f"{shots} {mode}", data)
        name = " ".join(filter(None, (data, shots))) + (", one alphabet" if mode == "within alphabet" else "")
        mean, low, high = (percent(value) for value in own.get(test, (np.nan,) * 3))
        ours = NONE if mean == NONE else f"{mean} ({low} to {high})"
        beside = (percent(one.get(test, (np.nan,))[0]) for one in others)
        cells = (expected, ours, *beside, str(published or NONE))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    main = _row(report_folder, "main", "tuned")
    caption = (
        f"Accuracy in percent at {main['image_size']}x{main['image_size']} pixels: mean over {main['n_seeds']} seeds, "
        f"one model per seed for all rows, {main['n_train_images']:,} training images; in brackets 95% intervals over "
        "seeds and test episodes. `tuned` and ProtoNet with copies see shifted copies of each support image "
        "at test. MAML++ (Antoniou et al. 2019): millions of images, other characters, batch norm of the queries, five "
        f"models together. [Report]({link}/report.md)."
    )
    return "\n".join([*lines, "", caption, ""])


def methods_block(report_folder: Path, link: str) -> str:
    """Return when tuned reaches 95% and what methods reach on equal images; an empty text without tables of that."""
    main, time = _row(report_folder, "main", "tuned"), _row(report_folder, "time", "tuned")
    if not main or not np.isfinite(time.get("seconds_to_95", np.nan)):
        return ""
    rows = {name: _row(report_folder, "main", variant) for variant, name in METHODS.items()}
    rows = {name: row for name, row in rows.items() if row}
    others = ", ".join(f"{name} {percent(row['accuracy_5way_mixed'])}" for name, row in rows.items())
    seeds = sorted({int(row["n_seeds"]) for row in (main, *rows.values())})
    n_seeds = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    size = f"{main['image_size']}x{main['image_size']}"
    protonet = _row(report_folder, "time", "protonet").get("seconds_to_95", np.nan)
    same = f"ProtoNet also reaches 95% in {protonet:.0f} seconds. " if np.isfinite(protonet) else ""
    return (
        f"**95% accuracy on 5-way 1-shot validation after {time['seconds_to_95']:.0f} seconds of one CPU core** "
        f"(`tuned`, {size} pixels, {int(time['n_seeds'])} seeds). The document says 15 to 25 "
        "GPU minutes for the whole training, at 105x105; all updates of `tuned` take "
        f"{time['seconds']:.0f} seconds. {same}After {main['n_train_images']:,} images `tuned` has "
        f"{percent(main['accuracy_5way_mixed'])}% on test; "
        f"{others} ({n_seeds} seeds, [report]({link}/report.md)).{_losses_words(report_folder)}\n"
    )


def _losses_words(report_folder: Path) -> str:
    """Return how many query losses MAML learns from, beside tuned; an empty text if the table of costs lacks them."""
    own, maml = (_row(report_folder, "cost", variant).get("n_query_losses") for variant in ("tuned", "maml"))
    return f" MAML is inductive, with {maml / own:.0%} as many query losses as `tuned`." if own and maml else ""


BLOCKS: dict[str, Callable[[Path, str], str]] = {"goals": goals_block, "methods": methods_block}
"""Name of a block -> function of the report's folder and the link to it that makes the block."""


def _accuracies(report_folder: Path, variant: str) -> dict[tuple[str, str | None], tuple[float, ...]]:
    """Return (test, data set if not that of training) -> INTERVAL of a variant, fractions."""
    found: dict[tuple[str, str | None], tuple[float, ...]] = {}
    main = _row(report_folder, "main", variant)
    for column in main:
        if match := re.fullmatch(r"accuracy_(\d+)way_(\w+)", str(column)):
            values = tuple(float(main[f"{name}_{match[1]}way_{match[2]}"]) for name in INTERVAL)
            found[f"{match[1]}-way {main['k_shot']}-shot {match[2].replace('_', ' ')}", None] = values
    for row in _rows(report_folder, "other-tests"):
        if row["variant"] == variant:
            name = str(row["data"]).split()[0]
            data = None if name == "omniglot" else name
            found[str(row["test"]), data] = tuple(float(row[name]) for name in INTERVAL)
    return found


def _row(report_folder: Path, table: str, variant: str) -> dict[str, Any]:
    """Return the row of a variant in a report's table; empty if there is none."""
    return next((row for row in _rows(report_folder, table) if row["variant"] == variant), {})


def _rows(report_folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a report's table, column -> value; empty if the report does not have it."""
    path = report_folder / "tables" / f"{name}.csv"
    return pd.read_csv(path).to_dict("records") if path.exists() else []  # type: ignore[return-value]
