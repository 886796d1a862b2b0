"""Parts of captions and panels: data, number of runs, kind of interval."""

from textwrap import wrap

import pandas as pd

from leo_bench.figures.intervals import LEAST_SEEDS
from leo_bench.statistics.studies.study import Cell, StudyData

OVER_SEEDS = f"95% t interval over seeds, from {LEAST_SEEDS} seeds on"


def subtitle(data: StudyData, *variants: str) -> str:
    """Return data set with digest, image size and shots of the variants drawn: `omniglot 5f1c0ffe, 28 px, 1-shot`."""
    chosen = [data.settings[name] for name in variants or data.variants if name in data.settings]
    sizes = "/".join(str(size) for size in sorted({int(settings["image_size"]) for settings in chosen}))
    shots = "/".join(str(shot) for shot in sorted({int(settings["k_shot"]) for settings in chosen}))
    return f"{data.data_name(*variants)}, {sizes} px, {shots}-shot"


def n_words(rows: pd.DataFrame) -> str:
    """Return the number of runs behind each mean: `3 seeds`, `2 to 3 seeds`."""
    counts = rows.groupby("variant")["seed"].nunique()
    few, many = int(counts.min()), int(counts.max())
    return f"{few} seed{'s' if few > 1 else ''}" if few == many else f"{few} to {many} seeds"


def episode_words(rows: pd.DataFrame) -> str:
    """Return `1,000 test episodes each`, or `1,000 or 5,000 test episodes each`."""
    return f"{' or '.join(f'{n:,}' for n in sorted(rows['n_test_episodes'].unique()))} test episodes each"


def lines_height(labels: list[str], width: int) -> float:
    """Return the height in inches of a panel so that labels of this width, in characters, fit beside it."""
    return max(2.75, 1.0 + 0.13 * sum(1 + len(label) // width for label in labels))


def rows_height(labels: list[str], width: int) -> float:
    """Return the height in inches of a panel with a row for each label; longer ones than width have more lines."""
    return 1.1 + (0.07 + 0.13 * max(len(wrap(label, width)) for label in labels)) * len(labels)


def headline_and_hardest(data: StudyData) -> list[Cell]:
    """Return the headline test, and the mixed test with most ways."""
    return list(dict.fromkeys([data.headline, *[cell for cell in data.cells if cell[1] == "mixed"][-1:]]))


def compared_label(data: StudyData, variant: str) -> str:
    """Return `full CNN`, or `full CNN against head 16` if it is compared with another variant than the baseline."""
    other = data.compared_with(variant)
    return data.label(variant) + ("" if other == data.plan.baseline else f" against {data.label(other)}")


def without_against(data: StudyData, frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `effects` without the column `against` if every variant is compared with the baseline."""
    return frame if data.names_pairs else frame.drop(columns="against", errors="ignore")
