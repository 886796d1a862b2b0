"""Statistics of one variant and of one difference. Each function says which question it answers and what it assumes;
none pools episodes over seeds.

Three questions are kept apart:
  within a run      how well is this one trained model known?        interval over its test episodes
  over seeds        what does training this variant again give?      t interval over runs
  between variants  what is the change worth?                        t interval over paired differences
All values are fractions in [0, 1] unless said otherwise.
"""

from leo_bench.statistics.intervals import (
    BCA_SEEDS,
    CONFIDENCE,
    N_RESAMPLES,
    Interval,
    bca_interval,
    episode_interval,
    finite,
    probability_of_improvement,
    seed_interval,
)
from leo_bench.statistics.paired import EXACT_SEEDS, holm, paired_episode_interval, paired_t_p, sign_flip_p
from leo_bench.statistics.pareto import pareto_front
from leo_bench.statistics.verdicts import ALPHA, Verdict, minimum_detectable_effect, verdict

__all__ = [
    "ALPHA",
    "BCA_SEEDS",
    "CONFIDENCE",
    "EXACT_SEEDS",
    "N_RESAMPLES",
    "Interval",
    "Verdict",
    "bca_interval",
    "episode_interval",
    "finite",
    "holm",
    "minimum_detectable_effect",
    "paired_episode_interval",
    "paired_t_p",
    "pareto_front",
    "probability_of_improvement",
    "seed_interval",
    "sign_flip_p",
    "verdict",
]
