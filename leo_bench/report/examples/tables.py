"""Table of the examples page."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records.example import Example, movement
from leo_bench.report.table import NONE, ReportTable


def episode_table(examples: list[Example]) -> ReportTable:
    """Return a row per episode: correct answers, what adaptation changed, and how far the class codes move."""
    rows: list[dict[str, Any]] = []
    for example in examples:
        changed = example.predicted[0] != example.predicted[-1]
        mended, spoilt = changed & example.right[-1], changed & example.right[0]
        row = {"episode": example.title, "queries": changed.size, "right before": example.correct[0]}
        row |= {"right after": example.correct[-1], "answers changed": changed.sum(), "became right": mended.sum()}
        row |= {"became wrong": spoilt.sum()}
        if example.codes is not None:
            moved, apart = np.linalg.norm(example.codes[-1] - example.codes[0], axis=-1), movement(example.codes).apart
            row |= {"codes moved, mean": moved.mean(), "codes moved, most": moved.max(), "codes apart": apart}
            row |= {"moved / apart": moved.mean() / apart if apart else np.nan}
        rows.append(row)
    caption = (
        "Answers before and after adaptation. Codes moved: Euclidean distance of a class code from start to end, over "
        "classes. Codes apart: mean distance between two classes' codes at the start."
    )
    numbers = pd.DataFrame(rows)
    words = numbers.map(lambda value: value if isinstance(value, str) else NONE if np.isnan(value) else f"{value:.3g}")
    return ReportTable("episodes", caption, numbers, words)
