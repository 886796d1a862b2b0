"""Train a run again until its loss is NaN, and show the inner loop in which that happens.

    .venv/bin/python -m tools.follow_nan results/official/compare_choice-cpu paper_k 0

Where rounding differs, as on another kind of processor, it happens at another episode, or not at all.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from leo_bench.config import Settings
from leo_bench.config.presets import make_settings
from leo_bench.data.bank import ImageBank
from leo_bench.errors import LeoBenchError
from leo_bench.learners.factory import build
from leo_bench.learners.leo import Leo
from leo_bench.models.decoder import GaussianHead
from leo_bench.records import load_study
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.process import prepare
from leo_bench.running.training_run import load_bank
from leo_bench.training.outer_loop import TrainingDiverged, train
from leo_bench.training.state import TrainingState


class Decoding(NamedTuple):
    """Largest numbers when the head is drawn: one drawing for each point of the inner loop."""

    code: float
    """Largest absolute number in a class code."""
    weight: float
    """Largest absolute number among the weights drawn."""
    log_deviation: float
    """Largest log of a standard deviation of the weights, with its sign."""


class _NotFinite(Exception):
    """Signal that an update left a weight that is NaN or infinite."""


def follow(settings: Settings, bank: ImageBank) -> tuple[int, list[Decoding]]:
    """Return the training episode whose update made a weight NaN or infinite, and the decodings of its inner loop.

    Raises LeoBenchError if the learner draws no head from its codes, or its training ends well.
    """
    learner = build(settings).to(prepare(settings))
    if not isinstance(learner, Leo) or not isinstance(learner.decoder, GaussianHead):
        raise LeoBenchError("the run draws no head from its codes; name one of LEO with decoded_weights = gaussian")
    decodings: list[Decoding] = []
    episode = 0
    decoder = learner.decoder
    decode = decoder.head

    def watched(codes: Tensor, prototypes: Tensor | None = None) -> tuple[Tensor, Tensor]:
        head = decode(codes, prototypes)
        if learner.training:  # not in a validation
            code, weight = (float(tensor.detach().abs().max()) for tensor in (codes, head[0]))
            log_deviation, _ = decoder.spread.head(codes, prototypes)
            decodings.append(Decoding(code, weight, float(log_deviation.detach().max())))
        return head

    def check(state: TrainingState) -> None:
        nonlocal episode
        episode = state.episode
        if not all(bool(weights.isfinite().all()) for weights in learner.parameters()):
            raise _NotFinite
        decodings.clear()

    decoder.head = watched  # type: ignore[method-assign]
    try:
        train(learner, bank, settings, after_update=check)
    except _NotFinite:
        return episode, decodings
    except TrainingDiverged:  # at a point of the learning curve, which comes before the check
        return episode + settings.meta_batch_size, decodings
    raise LeoBenchError("the training ended without a NaN or infinite loss")


def main() -> None:
    """Follow the run that the command line names, and print a line for each decoding."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("study", type=Path, help="folder of a study, such as results/official/compare_choice-cpu")
    parser.add_argument("variant")
    parser.add_argument("seed", type=int)
    options = parser.parse_args()
    try:
        runs = load_study(options.study).plan.runs
        found = [run for run in runs if (run.variant, run.seed) == (options.variant, options.seed)]
        if not found:
            names = ", ".join(dict.fromkeys(run.variant for run in runs))
            raise LeoBenchError(f"{options.study} has no {options.variant} with seed {options.seed}; variants: {names}")
        settings = make_settings(found[0].settings)
        if found[0].numerics not in (None, numerics_digest(settings.learner, settings.dataset)):
            print("other source made this run: the training may be another")
        bank = load_bank(settings.dataset, settings.image_size, None, prepare(settings))
        episode, decodings = follow(settings, bank)
    except LeoBenchError as error:
        sys.exit(f"error: {error}")
    print(f"not finite after training episode {episode}; largest numbers at each drawing of its head:")
    for point, one in enumerate(decodings):
        print(f"  {point}: code {one.code:.4g}, weight {one.weight:.4g}, log of a deviation {one.log_deviation:.4g}")


if __name__ == "__main__":
    main()
