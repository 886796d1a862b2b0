"""Measures of a done run: loads its weights, measures them on fixed test episodes, and writes measures.json."""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from leo_bench.config import Settings, TestSettings, planned_tests
from leo_bench.data import DATASETS
from leo_bench.data.bank import ImageBank
from leo_bench.data.support_copies import SUPPORT_COPIES
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner
from leo_bench.learners.leo import Leo
from leo_bench.records import MEASURES, Measure, Measures, Result, read_measures, read_settings, run_state, write_record
from leo_bench.records.directions import LatentDirections
from leo_bench.running import provenance
from leo_bench.running.checkpoint import trained_learner
from leo_bench.running.numerics import measures_numerics
from leo_bench.running.plan import planned_run
from leo_bench.running.process import prepare
from leo_bench.running.recorded_model import check_data, recorded_weights
from leo_bench.running.training_run import load_bank
from leo_bench.training.evaluate import Shifts
from leo_bench.training.measures.compute import Value, check_learner, measures_of, top_responses
from leo_bench.training.measures.descriptions import DESCRIPTIONS
from leo_bench.training.measures.episodes import MeasuredEpisodes, measured_episodes
from leo_bench.training.measures.spectra import spectra

log = logging.getLogger("leo_bench")

DIGITS = 6
"""Significant digits of the numbers of single episodes."""
AS_TRAINED = {"head": None, "head_c": None, "inner_steps": None, "inner_lr": None, "inner_temperature": None}
"""Settings of the test that is measured: the model's own classifier and inner loop, whatever tests a study asks for."""


@dataclass(frozen=True)
class _Trained:
    """A trained model that can be measured, and what it is measured on."""

    result: Result
    settings: Settings
    test: TestSettings
    """Headline test of the run with the inner loop of training, for its support copies."""
    learner: Learner
    bank: ImageBank
    measured: MeasuredEpisodes

    @property
    def copies(self) -> Shifts:
        """Shifts of the copies that enlarge each support set."""
        return SUPPORT_COPIES[self.test.support_copies or "none"]


def measure_run(folder: Path, data: Path | None) -> Measures:
    """Measure the trained run in folder, write measures.json there and return it.

    Measures that this source made of the same weights are returned as they are. Nothing is trained. Raises
    LeoBenchError if the run is not trained, stale or damaged, if its checkpoint or data is missing or not those
    recorded, if measures.json is damaged, or if its learner has no measures.
    """
    result, settings = _trained(folder)
    known = read_measures(folder, result)
    if known is not None and known.numerics == measures_numerics():
        return known
    trained = _loaded(folder, result, settings, data)
    values = measures_of(trained.learner, trained.bank, trained.measured, trained.copies)
    spec, test = trained.measured.episodes.spec, trained.test
    record = Measures(
        run_key=result.run_key,
        weights_digest=result.weights_digest,
        data_digest=trained.bank.digest,
        episodes_digest=trained.measured.digest,
        numerics=measures_numerics(),
        n_way=spec.n_way,
        k_shot=spec.k_shot,
        n_episodes=len(trained.measured.episodes),
        n_within_alphabet=trained.measured.n_within_alphabet,
        inner_steps=test.inner_steps,
        inner_lr=test.inner_lr,
        inner_temperature=test.inner_temperature,
        support_copies=test.support_copies,
        commit=provenance.commit(),
        versions=provenance.versions(),
        measures=described(values),
    )
    write_record(folder / MEASURES, record)
    return record


def described(values: Mapping[str, Value]) -> dict[str, Measure]:
    """Return measures with unit and meaning, the numbers of single episodes rounded to DIGITS digits.

    A measure that is not finite is left out, and the log names it.
    """
    found = {}
    for name, (value, per_episode) in values.items():
        if not (math.isfinite(value) and bool(per_episode.isfinite().all())):
            log.warning("%s is left out: it is not a finite number for this model", name)
            continue
        rounded = [float(f"{part:.{DIGITS}g}") for part in per_episode.tolist()]
        found[name] = Measure(value=value, per_episode=rounded, **DESCRIPTIONS[name]._asdict())
    return found


def latent_directions(folder: Path, data: Path | None) -> LatentDirections:
    """Return the spectra of the run in folder, and the glyphs whose logits change most by steps along its top latent
    directions.

    The directions are those of the inner loop on the measured episodes. Raises LeoBenchError as measure_run does, and
    for a model whose inner loop changes no code.
    """
    result, settings = _trained(folder)
    trained = _loaded(folder, result, settings, data)
    glyphs = load_bank("glyphs", settings.image_size, None, torch.device("cpu"))
    test_characters = np.flatnonzero(~np.array(glyphs.background))
    images = glyphs.images[torch.from_numpy(test_characters), 0]
    found = top_responses(trained.learner, trained.bank, trained.measured, trained.copies, images)
    assert isinstance(trained.learner, Leo), "top_responses refuses others"
    both = spectra(trained.learner, trained.bank, trained.measured, trained.copies)
    order = found.responses.argsort(dim=1)
    n = LatentDirections.SHOWN
    return LatentDirections(
        result.run_key,
        found.shares.numpy(),
        np.stack([images[row[:n]].numpy() for row in order]),
        np.stack([images[row.flip(0)[:n]].numpy() for row in order]),
        both.changes.numpy(),
        both.decoder.numpy(),
    )


def _trained(folder: Path) -> tuple[Result, Settings]:
    """Return record and settings of a trained run. Raises LeoBenchError if it is not trained, stale or damaged."""
    settings = read_settings(folder)
    state = run_state(planned_run(settings, "run"), folder)
    if state.result is None or state.must_retrain:
        reason = f" ({state.message})" if state.message else ""
        raise LeoBenchError(
            f"the training of run {settings.run_key} is {state.status}{reason}, so it is not measured; train it: "
            f"leo-bench run --key {settings.run_key}"
        )
    return state.result, settings


def _loaded(folder: Path, result: Result, settings: Settings, data: Path | None) -> _Trained:
    """Load weights, data and episodes of a trained run."""
    weights = recorded_weights(folder, result)
    on_cpu = settings.model_copy(update={"device": "cpu"})
    test = planned_tests(settings)[0].model_copy(update=AS_TRAINED)
    device = prepare(on_cpu)
    learner = trained_learner(on_cpu, weights, test)
    try:
        check_learner(learner)
    except LeoBenchError as error:
        raise LeoBenchError(f"run {settings.run_key} (learner {settings.learner}): {error}") from None
    bank = load_bank(settings.dataset, settings.image_size, data, device)
    check_data(bank, result)
    n_query = min(settings.n_query, DATASETS[settings.dataset].n_drawings - settings.k_shot)
    measured = measured_episodes(bank, settings.class_split, settings.n_way, settings.k_shot, n_query)
    return _Trained(result, settings, test, learner, bank, measured)
