"""Tables of the examples page."""

from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records.example import Example, movement
from leo_bench.report.table import NONE, ReportTable


def class_table(example: Example) -> ReportTable:
    """Return a row per class: correct answers before and after adaptation, mistakes, movement of its code."""
    right, n_query = example.right.sum(-1), example.query.shape[1]
    mistakes = [example.mistakes(index) for index in range(len(example.names))]
    numbers = pd.DataFrame(
        {
            "class": example.names,
            "character": example.characters,
            "n_query": n_query,
            "correct_before": right[0],
            "correct_after": right[-1],
            "taken_for": [", ".join(f"{name} {count}" for name, count in others.items()) for others in mistakes],
        }
    )
    words = pd.DataFrame(
        {
            "class": example.names,
            "character": example.characters,
            "right before": [f"{count} of {n_query}" for count in right[0]],
            "right after": [f"{count} of {n_query}" for count in right[-1]],
            "taken for": [text or NONE for text in numbers["taken_for"]],
        }
    )
    if example.codes is not None:
        moved = np.linalg.norm(example.codes[-1] - example.codes[0], axis=-1)
        numbers["code_moved"], words["code moved by"] = moved, [f"{value:.3g}" for value in moved]
    return ReportTable(f"classes-{example.which}", f"Classes of test episode {example.index}.", numbers, words)


def step_table(examples: list[Example]) -> ReportTable:
    """Return a row per episode and inner step: movement of the class codes, and correct answers if scored."""
    rows: list[dict[str, Any]] = []
    for example in examples:
        if example.codes is None:
            continue
        found = movement(example.codes)
        scored = dict(zip(example.steps, example.correct.tolist(), strict=True))
        for step, (lengths, away) in enumerate(zip(found.steps, found.away, strict=True), 1):
            rows.append(
                {
                    "episode": example.index,
                    "inner_step": step,
                    "moved_mean": lengths.mean(),
                    "moved_most": lengths.max(),
                    "from_start_mean": away.mean(),
                    "between_classes_at_start": found.apart,
                    "correct": scored.get(step),
                }
            )
    words = [
        {
            "test episode": str(row["episode"]),
            "inner step": str(row["inner_step"]),
            "moved, mean over classes": f"{row['moved_mean']:.3g}",
            "moved, most": f"{row['moved_most']:.3g}",
            "from the start, mean": f"{row['from_start_mean']:.3g}",
            "right answers": NONE if row["correct"] is None else str(row["correct"]),
        }
        for row in rows
    ]
    caption = "Euclidean length of the class codes' movement in each inner step, in the codes' own units."
    return ReportTable("steps", caption, pd.DataFrame(rows), pd.DataFrame(words))
