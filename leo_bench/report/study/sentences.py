"""Sentences of a study's report, made from its numbers."""

from typing import Any

import numpy as np

from leo_bench.records import StudyView, listed, signed
from leo_bench.report.sentences import interval_words
from leo_bench.report.study.captions import compared_label
from leo_bench.report.study.documented import document_words
from leo_bench.report.study.not_done import STATUS_ORDER
from leo_bench.statistics import MOST_SEEDS, OPEN, VERDICTS
from leo_bench.statistics.studies.differences import all_effects, whole_accuracy
from leo_bench.statistics.studies.study import StudyData, cell_name

MOST_NAMED = 12
"""Most variants that a line of the answer names, those with the largest differences; the main table has all."""
GLYPHS = (
    "These numbers are measured on glyphs, characters drawn by this program, because Omniglot was not used. "
    "They cannot be compared with Omniglot results or the document's targets."
)


def answer(data: StudyData) -> list[str]:
    """Return the report's opening: the baseline's accuracy, a line for each verdict, how complete the study is."""
    return [_baseline_sentence(data), *verdict_lines(data), completeness(data.view)]


def _baseline_sentence(data: StudyData) -> str:
    baseline = data.plan.baseline
    interval = whole_accuracy(data, data.headline, baseline)
    settings = data.settings.get(baseline)
    if interval is None or settings is None:
        return f"The baseline {data.label(baseline)} has no finished run yet, so nothing can be compared."
    protocol = (
        f"On {data.data_name(baseline)} ({settings['image_size']}x{settings['image_size']} pixels, "
        f"{settings['class_split']} class split, "
        f"{settings['n_train_episodes']:,} training episodes)"
    )
    test = f"{cell_name(data.headline)} {settings['k_shot']}-shot episodes"
    text = f"{protocol} the baseline {data.label(baseline)} reaches {interval_words(interval)} on {test}"
    if data.dataset == "glyphs":
        return f"{text}; these are drawn glyphs, not Omniglot, so no documented target applies."
    expected = document_words(data, data.headline, baseline)
    return f"{text}{f'; the source document expects {expected}' if expected else ''}."


def verdict_lines(data: StudyData) -> list[str]:
    """Return a line for each verdict on the headline test, with its variants: `Worse: no relations (-1.2).`"""
    frame = all_effects(data, data.headline)
    compared = frame[frame["compared"].astype(bool)].sort_values("difference", key=abs, ascending=False)
    lines = []
    for verdict in VERDICTS:
        rows = compared[compared["verdict"] == verdict].to_dict("records")
        named = [f"{compared_label(data, row['variant'])} ({_numbers_words(row)})" for row in rows]
        if named:
            rest = f", and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
            lines.append(f"{verdict.capitalize()}: {', '.join(named[:MOST_NAMED])}{rest}.")
    return lines


def _numbers_words(row: dict[Any, Any]) -> str:
    """Return `+0.3`, and for an open comparison the seeds that would settle it: `+0.3; 12 seeds`."""
    words = signed(100 * row["difference"])
    return f"{words}; {seeds_words(row)}" if row["verdict"] in OPEN else words


def completeness(view: StudyView) -> str:
    """Return how much of the plan is done, and of the profile, with the variants that have no run planned."""
    unplanned = view.unplanned
    total, done = len(view.runs) + len(unplanned), len(view.done)
    if done == total:
        return f"The study is complete: all {total} planned runs are done."
    if done + (diverged := sum(run.diverged is True for run in view.runs)) == total:
        return (
            f"The study is complete: {done} of {total} planned runs are done, and the other {diverged} ended with a "
            "NaN or infinite loss."
        )
    counts = {status: sum(run.status == status for run in view.runs) for status in STATUS_ORDER}
    counts["not asked for"] = len(unplanned)
    rest = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    planned = {run.variant for run in view.plan.runs}
    without = dict.fromkeys(view.plan.labels.get(name, name) for name, _ in unplanned if name not in planned)
    named = f" Variants of its profile without a run: {'; '.join(without)}." if without else ""
    return f"The study is not complete: {done} of {total} planned runs are done ({rest}).{named}"


def notices(data: StudyData) -> list[str]:
    """Return the warnings shown above the results."""
    return [
        *([GLYPHS] if data.dataset == "glyphs" else []),
        *_on_other_data(data),
        *_on_batch_norm(data),
        *_on_versions(data),
        *_of_trainings(data),
        *(["Runs made by an older version of the source were accepted on request."] if data.plan.accept_stale else []),
    ]


def _on_other_data(data: StudyData) -> list[str]:
    """Return a warning for each data set that variants were trained on and the baseline was not."""
    elsewhere: dict[str, list[str]] = {}
    for variant in data.variants:
        if (own := data.settings[variant]["dataset"]) != data.dataset:
            elsewhere.setdefault(own, []).append(data.label(variant))
    return [
        f"{listed(labels, most=len(labels))}: trained on {dataset}, not on {data.dataset} as the baseline, and so not "
        "compared with it."
        for dataset, labels in elsewhere.items()
    ]


def _on_batch_norm(data: StudyData) -> list[str]:
    """Return a warning if batch norm of some variant sees the queries."""
    if not data.scores["batch_norm"].astype(str).str.contains("transductive").any():
        return []
    return [
        "Some variants are transductive: batch norm saw all queries of an episode at once. They are not compared with "
        "inductive ones."
    ]


def _on_versions(data: StudyData) -> list[str]:
    """Return a warning if runs of one learner on one data set were made by different versions of the source."""
    made = data.scores.groupby(["learner", "dataset"])["numerics"].unique()
    digests = sorted({str(digest) for own in made if len(own) > 1 for digest in own})
    if not digests:
        return []
    return [
        f"Runs come from {len(digests)} versions of the source (numerics {', '.join(digests)}); rows of different "
        "versions are not compared."
    ]


def _of_trainings(data: StudyData) -> list[str]:
    """Return the first warning of the last seed of each variant that has one, and how many trainings diverged."""
    warned: dict[str, dict[str, None]] = {}  # warning -> labels of the variants
    last = {run.planned.variant: run.result.warnings[0] for run in data.view.done if run.result and run.result.warnings}
    for variant, warning in last.items():
        warned.setdefault(warning, {})[data.label(variant)] = None
    found = [f"{listed(list(labels), most=len(labels))}: {warning}." for warning, labels in warned.items()]
    if any((ends := data.view.trainings).values()):
        found.append(
            f"{sum(ends.values())} of {len(ends)} trainings ended with a NaN or infinite loss and are in no mean: "
            'see "Trainings that diverged".'
        )
    return found


def seeds_words(row: dict[Any, Any]) -> str:
    """Return how many seeds would settle an open comparison: `12 seeds`, `> 100 seeds`."""
    seeds = row["seeds_to_settle"]
    return f"> {MOST_SEEDS} seeds" if np.isnan(seeds) else f"{seeds:.0f} seeds"
