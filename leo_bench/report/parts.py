"""Table of what each part of LEO is worth: paired differences of published studies, with the part minus without it."""

from collections.abc import Iterable

import pandas as pd

from leo_bench.report.table import NONE, difference
from leo_bench.statistics import turned
from leo_bench.statistics.studies.differences import all_effects
from leo_bench.statistics.studies.study import StudyData, cell_name

WITHOUT, WITH = -1, 1
"""Sign of a variant: it leaves the part out, or it adds it to a LEO that has none."""
PARTS = (
    ("a code for each class, not one for all", "leo", WITHOUT, "ablations_leo", "decode_task"),
    ("inner steps on codes", "paper", WITHOUT, "where_to_adapt", "weights"),
    ("inner steps on codes", "leo", WITHOUT, "ablations_leo", "inner_steps_0"),
    ("inner steps on codes", "prototype_start", WITHOUT, "waterfall", "minus_no_inner_steps"),
    ("inner steps on codes, at test", "tuned", WITHOUT, "adaptation", "not_adapted"),
    ("inner steps and fine-tuning", "paper", WITHOUT, "paper", "generator_only"),
    ("steps on the decoded weights", "paper", WITHOUT, "where_to_adapt", "latent"),
    ("ten inner steps in place of five", "leo", WITH, "ablations_leo", "inner_steps_10"),
    ("inner steps of 0.05 in place of 0.01", "leo", WITH, "ablations_leo", "inner_lr_0.05"),
    ("training through the inner loop", "tuned", WITH, "ablations", "trained_through"),
    ("second-order gradients", "leo", WITHOUT, "ablations_leo", "first_order"),
    ("learned inner step sizes", "paper", WITHOUT, "paper", "fixed_rate"),
    ("learned inner step sizes", "leo", WITH, "improvements", "rate_learned"),
    ("a learned step size for each step", "leo", WITH, "improvements", "rate_per_step"),
    ("relation network", "paper", WITHOUT, "paper", "relation_none"),
    ("relation network", "leo", WITHOUT, "ablations_leo", "relation_none"),
    ("relation network", "prototype_start", WITHOUT, "waterfall", "minus_no_relations"),
    ("relation network", "tuned", WITH, "ablations", "relations"),
    ("three relation rounds in place of one", "leo", WITH, "improvements", "rounds_3"),
    ("attention in place of pairs", "leo", WITH, "improvements", "attention"),
    ("codes drawn from a distribution", "paper", WITHOUT, "paper", "deterministic"),
    ("feature dropout", "paper", WITHOUT, "paper", "no_dropout"),
    ("the paper's penalties", "paper", WITHOUT, "paper", "no_penalties"),
    ("deep decoder in place of a linear one", "paper", WITH, "paper", "decoder_mlp"),
    ("decoder that sees the task", "leo", WITH, "improvements", "task_conditioned"),
    ("four decoders in place of one", "leo", WITH, "improvements", "decoders_4"),
    ("decoder that starts as the encoder's transpose", "linear", WITH, "start_in_parts", "decoder_start"),
    ("relations added to the code, not in its place", "linear", WITH, "start_in_parts", "residual"),
    ("bias of a distance", "linear", WITH, "start_in_parts", "distance_bias"),
    ("learned scale of the logits", "linear", WITH, "start_in_parts", "prototypes"),
    ("CNN of its own for the encoder", "leo", WITHOUT, "ablations_leo", "encoder_shared"),
    ("codes of 128 numbers in place of 64", "leo", WITH, "ablations_leo", "latent_dim_128"),
    ("codes of 64 numbers in place of 8", "leo", WITHOUT, "ablations_leo", "latent_dim_8"),
    ("codes of 256 numbers in place of 64", "tuned", WITHOUT, "ablations", "latent_dim_64"),
    ("codes of 256 numbers in place of 16", "tuned", WITHOUT, "ablations", "latent_dim_16"),
    ("encoder and decoder kept orthogonal", "tuned", WITHOUT, "ablations", "learned_maps"),
    ("shifted copies of the support set", "tuned", WITHOUT, "ablations", "no_copies"),
    ("whole CNN generated in place of a head, width 16", "tuned, no rotation", WITH, "ablations", "whole_cnn_16"),
    ("codes, encoder and decoder, beside Meta-SGD on the head", "paper", WITHOUT, "paper", "meta_sgd"),
    ("codes, relations and inner steps, beside ProtoNet", "prototype_start", WITHOUT, "presets", "protonet"),
    ("inner steps and copies at test, beside ProtoNet", "tuned", WITHOUT, "adaptation", "protonet"),
    ("the same, with ten times the images", "tuned", WITHOUT, "ten_times", "protonet_ten_times"),
)
"""Part, the LEO it is a part of, what the variant does with it, study, variant."""
CELLS = ((20, "mixed"), (20, "within_alphabet"))
"""Tests that are shown beside a study's first."""


def parts_table(studies: Iterable[StudyData]) -> pd.DataFrame:
    """Return a row for each part that a study measures, on the first test and on 20-way episodes."""
    by_name = {data.plan.study: data for data in studies}
    rows = []
    for part, leo, sign, study, variant in PARTS:
        data = by_name.get(study)
        if data is None or variant not in data.plan.labels:
            continue
        cells = [data.headline, *(cell for cell in CELLS if cell in data.cells)]
        shown = {cell_name(cell): _worth(data, cell, variant, sign) for cell in dict.fromkeys(cells)}
        if any(words != NONE for words in shown.values()):
            rows.append({"part": part, "LEO": leo, **shown, "study": f"`{study}`"})
    return pd.DataFrame(rows).fillna(NONE)


def _worth(data: StudyData, cell: tuple[int, str], variant: str, sign: int) -> str:
    """Return `better, +1.2 [+0.5, +1.9]`, or NONE if the variant is not compared on that test."""
    frame = all_effects(data, cell)
    found = frame[(frame["variant"] == variant) & frame["compared"].astype(bool)].to_dict("records")
    if not found:
        return NONE
    row = found[0]
    mean, *bounds = (sign * row[name] for name in ("difference", "low", "high"))
    verdict = row["verdict"] if sign > 0 else turned(row["verdict"])
    return f"{verdict}, {difference(mean, min(bounds), max(bounds), row['kind'])}"
