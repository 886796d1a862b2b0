"""Chosen settings on test characters, and whether the gain seen on validation characters was too large."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leo_bench.records.search import Choice
from leo_bench.report.search.data import SearchData, value_words
from leo_bench.report.study.data import StudyData
from leo_bench.report.study.differences import effects, mean_accuracy
from leo_bench.statistics import Interval, seed_interval

SAME = ("n_train_episodes", "train_classes", "dataset", "class_split", "image_size", "n_way", "k_shot", "n_query")
"""Settings that must be equal for trials and runs on test before their gains are compared."""


@dataclass(frozen=True)
class ChoiceOnTest:
    """Chosen settings against the defaults, on test, with fresh seeds."""

    choice: Choice
    label: str
    accuracy: Interval
    """Accuracy on test."""
    baseline: Interval | None
    """Accuracy of the defaults on test."""
    effect: dict[str, Any]
    """Row of `effects` for this choice."""
    validations: list[float]
    """Accuracy of the same runs on validation characters after training, by seed; empty if not recorded."""
    baseline_validations: list[float]

    @property
    def compared(self) -> bool:
        return bool(self.effect["compared"])

    @property
    def validation(self) -> Interval | None:
        """Accuracy of the fresh seeds on validation characters."""
        return _over_seeds(self.validations)

    @property
    def gain_on_validation(self) -> float | None:
        """Gain over the defaults on validation: accuracy of the trial minus that of the defaults' fresh seeds."""
        defaults = self.baseline_validations
        return self.choice.values[0] - float(np.mean(defaults)) if defaults else None

    @property
    def gain_on_test(self) -> str:
        """Compare the gain on test with the gain on validation: `less`, `more`, `within` the test interval, or
        `open`.
        """
        if (
            self.gain_on_validation is None
            or not self.compared
            or self.effect["kind"] != "seeds"
            or pd.isna(self.effect["low"])
        ):
            return "open"
        if self.gain_on_validation > self.effect["high"]:
            return "less"
        return "more" if self.gain_on_validation < self.effect["low"] else "within"


def choices_on_test(data: SearchData) -> list[ChoiceOnTest]:
    """Return the choices that have a done run on test, in their order."""
    study = data.study
    if study is None or study.scores.empty:
        return []
    frame = effects(study, study.headline).set_index("variant")
    base = study.plan.baseline
    found = []
    for choice in data.choices:
        accuracy = mean_accuracy(study, study.headline, choice.variant)
        if accuracy is not None and choice.variant in frame.index:
            row: dict[str, Any] = {str(name): value for name, value in frame.loc[choice.variant].to_dict().items()}
            found.append(
                ChoiceOnTest(
                    choice,
                    study.label(choice.variant),
                    accuracy,
                    mean_accuracy(study, study.headline, base),
                    row,
                    final_validations(study, choice.variant),
                    final_validations(study, base),
                )
            )
    return found


def final_validations(study: StudyData, variant: str) -> list[float]:
    """Return the accuracy of a variant's trained models on validation characters, for the seeds that recorded it."""
    values = []
    for seed in study.rows(study.headline, variant)["seed"]:
        result = study.run(variant, int(seed)).result
        if result is not None and result.validation and result.validation[-1].episode == result.n_train_episodes:
            values.append(result.validation[-1].accuracy)
    return values


def differing_settings(data: SearchData) -> list[str]:
    """Return the settings of SAME in which the runs on test differ from the trials, in words."""
    base, test = data.plan.base, data.plan.test
    return [f"{name} {test[name]} against {base[name]}" for name in SAME if test.get(name) != base.get(name)]


def choice_numbers(data: SearchData, found: list[ChoiceOnTest]) -> pd.DataFrame:
    """Return one row per choice, and a last one for the defaults. Fractions."""
    study = data.study
    assert study is not None
    rows: list[dict[str, Any]] = []
    for one in found:
        row: dict[str, Any] = {"variant": one.choice.variant, "label": one.label, "number": one.choice.number}
        row |= {name: value_words(value) for name, value in one.choice.parameters.items()}
        row |= {"validation": one.choice.values[0], **_interval("fresh_validation", one.validation)}
        row |= {**_interval("accuracy", one.accuracy), "n_seeds": one.accuracy.n if one.accuracy.kind == "seeds" else 1}
        row |= {
            "interval_over": one.accuracy.kind,
            "promised": np.nan if one.gain_on_validation is None else one.gain_on_validation,
        }
        row |= {"difference": one.effect["difference"], "difference_low": one.effect["low"]}
        row |= {"difference_high": one.effect["high"], "difference_over": one.effect["kind"]}
        rows.append(row | {name: one.effect[name] for name in ("holm_p", "verdict", "note")})
    base = study.plan.baseline
    accuracy = mean_accuracy(study, study.headline, base)
    if accuracy is not None:
        defaults = {name: value_words(value) for name, value in _defaults(data, study).items()}
        row = {"variant": base, "label": study.label(base), **defaults}
        row |= {
            **_interval("fresh_validation", _over_seeds(final_validations(study, base))),
            **_interval("accuracy", accuracy),
        }
        row |= {"n_seeds": accuracy.n if accuracy.kind == "seeds" else 1, "interval_over": accuracy.kind}
        rows.append(row | {"verdict": "baseline", "note": ""})
    return pd.DataFrame(rows)


def _defaults(data: SearchData, study: StudyData) -> dict[str, Any]:
    """Return the baseline's values of the searched settings."""
    settings = study.settings.get(study.plan.baseline, {})
    return {name: settings[name] for name in data.scales if name in settings}


def _over_seeds(values: list[float]) -> Interval | None:
    return seed_interval(values) if values else None


def _interval(name: str, interval: Interval | None) -> dict[str, float]:
    """Return the columns of a mean and its interval."""
    ends = [None] * 3 if interval is None else [interval.mean, interval.low, interval.high]
    return {
        column: np.nan if end is None else end
        for column, end in zip((name, f"{name}_low", f"{name}_high"), ends, strict=True)
    }
