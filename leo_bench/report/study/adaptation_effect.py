"""Effect of adaptation: losses, changed answers and moved codes of every test, and the gain by steps taken."""

from collections.abc import Hashable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from leo_bench import figures
from leo_bench.records import AdaptationRecord, RunState, TestResult
from leo_bench.report.panels import Panel, Plot
from leo_bench.report.study.captions import lines_height, n_words, over_seeds
from leo_bench.report.study.data import StudyData
from leo_bench.report.table import NONE, ReportTable, difference, percent
from leo_bench.statistics import seed_interval

NOT_FINITE = "not finite"
MOST_ROWS = 20
"""Rows of the effect table above which a page opens with those of the baseline."""
CAPTION = (
    "One row per test and variant, means over seeds. Steps: those on the codes, + those of fine-tuning on the decoded "
    "weights. Support loss: mean cross-entropy of the inner loop's examples at its temperature, before -> after it (-> "
    f"of the support set after fine-tuning); {NOT_FINITE}: the loop diverged. Answers: share of the queries whose "
    "answer is another one after the last step, and of the episodes with such a query; to right, to wrong: share of "
    "the queries whose answer becomes right or wrong. Codes: mean distance that a class code moves, divided by the "
    "mean distance between two class codes before the first step. Gain: accuracy after adaptation minus before, with "
    f'the 95% t interval over seeds. "{NONE}": not recorded.'
)


class Conditions(NamedTuple):
    """Conditions of a test, whatever its variant and its inner loop. They sort in the report's order."""

    elsewhere: bool
    """True if it is on another data set than that of the training."""
    dataset: str
    n_way: int
    within: bool
    k_shot: int
    mislabelled: int
    """Support images of each class with a wrong label."""
    data_digest: str

    @property
    def name(self) -> str:
        words = f"{self.n_way}-way {self.k_shot}-shot {'within alphabet' if self.within else 'mixed'}"
        return f"{words}, {self.mislabelled} mislabelled" if self.mislabelled else words

    @property
    def data(self) -> str:
        return f"{self.dataset} {self.data_digest[:8]}"


class Scored(NamedTuple):
    """A test of one run, of which the effect of adaptation is recorded."""

    kind: Conditions
    variant: str
    loop: tuple[int, int, float | None, bool]
    """Steps on the codes, steps of fine-tuning, step size (None without steps on the codes), True if it is learned."""
    run: RunState
    test: TestResult
    effect: AdaptationRecord

    @property
    def gain(self) -> float:
        """Accuracy after adaptation minus that before, a fraction."""
        return self.test.accuracy - self.test.accuracy_before


def effect_table(data: StudyData) -> ReportTable | None:
    """Return what adaptation does by test and variant; None if no test has it on record."""
    groups: dict[tuple[Any, ...], list[Scored]] = {}
    for one in scored_tests(data):
        groups.setdefault((one.kind, data.variants.index(one.variant), one.loop), []).append(one)
    if not groups:
        return None
    numbers = pd.DataFrame([_numbers(groups[key]) for key in sorted(groups, key=lambda key: key[:2])])
    words = pd.DataFrame([_words(data, row) for row in numbers.to_dict("records")])
    return ReportTable("adaptation", f"{_summary(numbers)} {CAPTION}", numbers, words)


def baseline_rows(data: StudyData, table: ReportTable) -> ReportTable | None:
    """Return the baseline's rows of the effect table, for a page; None if the table is short, or has none of them."""
    own = table.numbers["variant"] == data.plan.baseline
    if len(own) <= MOST_ROWS or own.all() or not own.any():
        return None
    numbers, words = table.numbers[own], table.words[own].drop(columns="variant")
    caption = f"{data.label(data.plan.baseline)}. {_summary(numbers)} {CAPTION}"
    return ReportTable("adaptation-baseline", caption, numbers, words)


def scored_tests(data: StudyData) -> Iterator[Scored]:
    """Yield every test of the runs that count, of which the effect of adaptation is recorded."""
    for run in data.view.done:
        settings = run.planned.settings
        if (run.planned.variant, run.planned.seed) not in data.counted:
            continue
        for test in run.tests:
            if test.adaptation is None:
                continue
            within = test.episode_mode != "mixed"
            elsewhere = test.dataset != settings["dataset"]
            kind = Conditions(
                elsewhere, test.dataset, test.n_way, within, test.k_shot, test.mislabelled or 0, test.data_digest
            )
            yield Scored(kind, run.planned.variant, _loop(settings, test), run, test, test.adaptation)


def _loop(settings: dict[str, Any], test: TestResult) -> tuple[int, int, float | None, bool]:
    steps = settings["inner_steps"] if test.inner_steps is None else test.inner_steps
    rate = settings["inner_lr"] if test.inner_lr is None else test.inner_lr
    learned = settings["inner_lr_mode"] != "fixed"
    return steps, test.steps[-1] - steps, rate if steps else None, learned


def _numbers(scored: list[Scored]) -> dict[str, Any]:
    """Return the means of one variant on one test, over its seeds. A mean is NaN if a seed has no value."""
    kind, variant, (steps, finetune_steps, rate, learned), *_ = scored[0]
    effects = pd.DataFrame([one.effect.model_dump() for one in scored], dtype=float)
    gain = seed_interval([one.gain for one in scored])
    moved = (effects["code_move"] / effects["class_distance"]).replace([np.inf, -np.inf], np.nan)
    return {
        "variant": variant,
        "test": kind.name,
        "data": kind.data,
        "inner_steps": steps,
        "finetune_steps": finetune_steps,
        "inner_lr": np.nan if rate is None else rate,
        "inner_lr_learned": learned,
        "n_seeds": len(scored),
        **{str(name): mean for name, mean in effects.mean(skipna=False).items()},
        "move_by_distance": moved.mean(skipna=False),
        "accuracy_before": float(np.mean([one.test.accuracy_before for one in scored])),
        "accuracy": float(np.mean([one.test.accuracy for one in scored])),
        "gain": gain.mean,
        "gain_low": np.nan if gain.low is None else gain.low,
        "gain_high": np.nan if gain.high is None else gain.high,
    }


def _words(data: StudyData, row: Mapping[Hashable, Any]) -> dict[str, str]:
    rate = NONE if np.isnan(row["inner_lr"]) else f"{row['inner_lr']:g}{', learned' if row['inner_lr_learned'] else ''}"
    return {
        "variant": data.label(row["variant"]),
        "test": row["test"],
        "data": row["data"],
        "steps": str(row["inner_steps"]) + (f" + {row['finetune_steps']}" if row["finetune_steps"] else ""),
        "step size": rate,
        "support loss": _losses(row),
        "answers changed, %": f"{100 * row['queries_changed']:.2f}",
        "in episodes, %": percent(row["episodes_changed"]),
        "to right, %": f"{100 * row['corrected']:.2f}",
        "to wrong, %": f"{100 * row['spoiled']:.2f}",
        "codes moved / apart": NONE if np.isnan(row["move_by_distance"]) else f"{row['move_by_distance']:.3g}",
        "accuracy, %": f"{percent(row['accuracy_before'])} -> {percent(row['accuracy'])}",
        "gain, points": difference(row["gain"], row["gain_low"], row["gain_high"], "seeds"),
    }


def _losses(row: Mapping[Hashable, Any]) -> str:
    """Return `0.693 -> 0.313`, with fine-tuning `0.693 -> 0.313 -> 0.101`."""
    if np.isnan(row["loss_before"]):
        return NONE
    names = ["loss_before", "loss_after", *(["loss_finetuned"] if row["finetune_steps"] else [])]
    return " -> ".join(NOT_FINITE if np.isnan(row[name]) else f"{row[name]:.3g}" for name in names)


def _summary(numbers: pd.DataFrame) -> str:
    """Return the first sentence of the caption: how much changes, and which way."""
    changed = 100 * numbers["queries_changed"]
    least, most = f"{changed.min():.2f}", f"{changed.max():.2f}"
    share = f"{least}%" if least == most else f"{least} to {most}%"
    up, down = (int((numbers[a] > numbers[b]).sum()) for a, b in (("corrected", "spoiled"), ("spoiled", "corrected")))
    return (
        f"Adaptation changes {share} of the answers. More of them become right than wrong in {up} of {len(numbers)} "
        f"rows, fewer in {down}."
    )


def gain_plot(data: StudyData) -> Plot | None:
    """Return the figure of the gain in accuracy by steps taken, a panel per test; None if no test has it on record."""
    rows = [
        {
            "kind": one.kind,
            "variant": one.variant,
            "label": data.label(one.variant),
            "seed": one.run.planned.seed,
            "step": step,
            "gain": accuracy - one.test.accuracy_before,
        }
        for one in scored_tests(data)
        for step, accuracy in zip(one.test.steps, one.test.accuracy_by_step, strict=True)
    ]
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    order = {variant: place for place, variant in enumerate(data.variants)}
    frame = frame.sort_values("variant", key=lambda names: names.map(order), kind="stable")
    panels = [
        _panel(data, kind, frame[[other == kind for other in frame["kind"]]]) for kind in sorted(set(frame["kind"]))
    ]
    caption = (
        "Accuracy minus that before adaptation, by steps taken on codes and then on decoded weights; each line "
        f"ends with its last gain. Means over {n_words(frame)}; {over_seeds(frame, 'shaded')}. Ring: the step with the "
        f"highest mean, if the mean after the last is at least {figures.LOSS_SHOWN:g} points lower. Green: gains "
        "within the margin that matters. An arrowhead at the lower edge is a mean below the axis."
    )
    return Plot("gain-by-step", "Gain by steps taken", caption, panels, columns=2)


def _panel(data: StudyData, kind: Conditions, rows: pd.DataFrame) -> Panel:
    """Return the panel of one test."""
    by_variant = rows.groupby(["variant", "step"], sort=False)["gain"].mean().groupby(level="variant", sort=False)
    alt = f"Gain in points on {kind.name}, {kind.dataset}: " + ", ".join(
        f"{data.label(str(name))} {figures.signed(gains.iloc[-1])} after {gains.index[-1]} steps, best "
        f"{figures.signed(gains.max())} after {gains.idxmax()}"
        for name, gains in ((name, 100 * own.droplevel("variant")) for name, own in by_variant)
    )
    room = 0.6 + 0.062 * max(len(label) for label in rows["label"])
    return Panel(
        partial(figures.gain_by_step, rows.drop(columns="kind"), data.styles, margin=data.plan.margin),
        kind.name,
        f"{kind.data}, {n_words(rows)}",
        width=3.2 + room,
        left=0.68,
        height=lines_height(rows["variant"].nunique()),
        right=room,
        alt=alt,
    )
