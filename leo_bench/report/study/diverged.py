"""Trainings that ended with a NaN or infinite loss, beside those of the variant that each one is compared with."""

import pandas as pd

from leo_bench.report.table import NONE, ReportTable, p_value
from leo_bench.statistics import paired_shares
from leo_bench.statistics.studies.study import StudyData

CAPTION = (
    "Trainings that ended with a NaN or infinite loss, of those that ended. No other number of this page counts them, "
    "so the accuracy of a variant that often diverges is that of the seeds at which it did not. Shared seeds: those "
    "that a variant and the one it is compared with both have. It alone: shared seeds at which the training of the "
    "variant diverged and the other one did not; other alone: the other way round. p: two-sided exact sign test on "
    "these (McNemar 1947), for each row by itself."
)


def diverged_table(data: StudyData) -> ReportTable | None:
    """Return the table of trainings that diverged; None if there are none.

    It has a row for each variant with such a training, and for each one that is compared with such a variant.
    """
    ends = {variant: data.view.diverged(variant) for variant in data.variants}
    rows = []
    for variant, own in ends.items():
        other = None if variant == data.plan.baseline else data.compared_with(variant)
        base = ends[other] if other else {}
        if not own or not any((*own.values(), *base.values())):
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
            "it alone": numbers["it_alone"].astype(str).where(beside, NONE),
            "other alone": numbers["other_alone"].astype(str).where(beside, NONE),
            "p": numbers["p"].map(p_value),
        }
    )
    return ReportTable("diverged", CAPTION, numbers, words)
