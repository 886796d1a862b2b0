"""Statistics of one variant and of one difference. Each function says which question it answers and what it assumes;
none pools episodes over seeds.

Questions that are kept apart:
  within a run      how well is this one trained model known?        interval over its test episodes
  over seeds        what does training this variant again give?      t interval over runs
  headline          what would others measure?                       interval over seeds and test episodes
  between variants  what is the change worth?                        interval over paired differences, and a verdict
All values are fractions in [0, 1] unless said otherwise.
"""

from leo_bench.statistics.intervals import (
    CONFIDENCE,
    Interval,
    episode_interval,
    finite,
    next_seed_range,
    seed_and_episode_interval,
    seed_interval,
)
from leo_bench.statistics.moderation import Prior, fit_prior, pooled
from leo_bench.statistics.paired import holm, paired_episode_interval
from leo_bench.statistics.pareto import pareto_front
from leo_bench.statistics.shares import PairedShares, paired_shares
from leo_bench.statistics.statements import (
    Decision,
    Outcome,
    Statement,
    accuracy_estimate,
    combine,
    decide,
    fitted_change,
    mean_estimate,
    outcomes,
)
from leo_bench.statistics.verdicts import (
    ALPHA,
    MARGIN_SHARE,
    MOST_SEEDS,
    OPEN,
    POWER,
    SETTLED,
    VERDICTS,
    Difference,
    Judgement,
    Verdict,
    chance_of_verdict,
    judge,
    margin_of,
    seeds_to_settle,
    smallest_settled,
    turned,
)

__all__ = [
    "ALPHA",
    "CONFIDENCE",
    "MARGIN_SHARE",
    "MOST_SEEDS",
    "OPEN",
    "POWER",
    "SETTLED",
    "VERDICTS",
    "Decision",
    "Difference",
    "Interval",
    "Judgement",
    "Outcome",
    "PairedShares",
    "Prior",
    "Statement",
    "Verdict",
    "accuracy_estimate",
    "chance_of_verdict",
    "combine",
    "decide",
    "episode_interval",
    "finite",
    "fit_prior",
    "fitted_change",
    "holm",
    "judge",
    "margin_of",
    "mean_estimate",
    "next_seed_range",
    "outcomes",
    "paired_episode_interval",
    "paired_shares",
    "pareto_front",
    "pooled",
    "seed_and_episode_interval",
    "seed_interval",
    "seeds_to_settle",
    "smallest_settled",
    "turned",
]
