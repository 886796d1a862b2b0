"""Trainings that ended with a NaN or infinite loss, beside those of the variant that each one is compared with."""

import pandas as pd

from leo_bench.records.quantities import training_effort
from leo_bench.report.table import NONE, ReportTable, p_value
from leo_bench.statistics import paired_shares
from leo_bench.statistics.studies.study import StudyData

CAPTION = (
    "Trainings that ended with a NaN or infinite loss, of those that ended. No other number of this page counts them, "
    "so the accuracy of a variant that often diverges is that of the seeds at which it did not. Shared seeds: those "
    "at which the training of the variant and that of the one it is compared with ended, if both are on the same data "
    "set and number of images; of them those at which only one of the two diverged. p: two-sided exact sign test on "
    "these (McNemar 1947), for each row by itself."
)


def _budget(data: StudyData, variant: str) -> tuple[str, int]:
    """Return data set and number of images that a variant is trained on."""
    settings = data.settings[variant]
    return settings["dataset"], training_effort(settings)["n_train_images"]


def diverged_table(data: StudyData) -> ReportTable | None:
    """Return the table of trainings that diverged; None if there are none.

    It has a row for each variant with such a training, and for each one that is compared with such a variant.
    """
    ends = {variant: data.view.diverged(variant) for variant in data.variants}
    rows = []
    for variant, own in ends.items():
        other = None if variant == data.plan.baseline else data.compared_with(variant)
        base = ends[other] if other and _budget(data, other) == _budget(data, variant) else {}
        if not own or not data.settings[variant]["n_train_episodes"] or not any((*own.values(), *base.values())):
            continue
        shares = paired_shares(own, base)
        rows.append(
            {
                "variant": variant,
                "label": data.label(variant),
                "ended": len(own),
                "diverged": sum(own.values()),
                "against": other or "",
                "shared_seeds": shares.n_seeds,
                "it_alone": shares.more,
                "other_alone": shares.fewer,
                "p": shares.p_two_sided,
            }
        )
    if not rows:
        return None
    numbers = pd.DataFrame(rows)
    beside = numbers["shared_seeds"] > 0
    words = pd.DataFrame(
        {
            "variant": numbers["label"],
            "diverged": [f"{own} of {n}" for own, n in zip(numbers["diverged"], numbers["ended"], strict=True)],
            "compared with": [data.label(name) if name else NONE for name in numbers["against"]],
            "shared seeds": numbers["shared_seeds"].astype(str).where(beside, NONE),
            "only it diverged": numbers["it_alone"].astype(str).where(beside, NONE),
            "only the other did": numbers["other_alone"].astype(str).where(beside, NONE),
            "p": numbers["p"].map(p_value),
        }
    )
    return ReportTable("diverged", CAPTION, numbers, words)
