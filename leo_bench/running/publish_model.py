"""Publishing a trained model: its weights with settings and origin as one file, and its card."""

from pathlib import Path

from leo_bench.api import model_from
from leo_bench.config import differing
from leo_bench.errors import LeoBenchError
from leo_bench.records import RUNS, Result, RunState, check_name, load_study, make_folder, read_record, write_atomic
from leo_bench.running.model_card import card_text, front_of, used_settings
from leo_bench.running.recorded_model import recorded_weights
from leo_bench.training.model_files import ModelInfo, model_bytes, read_model
from leo_bench.training.published_models import ENDING

CARD = ".md"


def publish_model(name: str, results: Path, study: str, variant: str, target: Path) -> Path:
    """Write the model of a variant's lowest seed, and its card, into target. Returns the path of the model.

    The record is that of results/official/<study>, the checkpoint that of the same run in results/runs. Raises
    LeoBenchError if the study has no such variant, if the checkpoint is missing or has other weights than the record,
    or if the variant is tested with another classifier than its own.
    """
    check_name(name, "model")
    runs = done_runs_of(results / "official" / check_name(study, "study"), variant)
    own = runs[0]
    assert own.result is not None
    store = results / RUNS / own.result.run_key
    if not own.result.n_parameters:
        raise LeoBenchError(f"{variant} of {study} has no trained weights to publish; name a variant that is trained")
    if (store / "result.json").exists():
        here = read_record(store / "result.json", Result).weights_digest
        if here != own.result.weights_digest:
            raise LeoBenchError(
                f"run {own.result.run_key} is trained here with other weights than the published run; publish the "
                "study again, or train the run on the kind of processor that its record names"
            )
    weights = recorded_weights(store, own.result)
    info = ModelInfo(
        name=name,
        settings=differing(used_settings(own)),
        run_key=own.result.run_key,
        weights_digest=own.result.weights_digest,
        numerics=own.result.numerics,
    )
    model_from(info, weights)  # raises if this source cannot use it
    make_folder(target)
    path = target / f"{name}{ENDING}"
    write_atomic(path, model_bytes(info, weights))
    _write_card(path, study, runs)
    return path


def refresh_cards(results: Path, target: Path) -> list[Path]:
    """Write the card of every model in target again, from the records of the study that it names. Returns the cards.

    Raises LeoBenchError if a card is missing, or if a study no longer has the run of the model.
    """
    return [refresh_card(path, results) for path in sorted(target.glob(f"*{ENDING}"))]


def refresh_card(path: Path, results: Path) -> Path:
    """Write the card of one model again. path: file of the model. Raises LeoBenchError as refresh_cards does."""
    card = path.with_suffix(CARD)
    if not card.exists():
        raise LeoBenchError(f"{card} is missing: publish the model again, with its study: {_command(path.stem)}")
    front = front_of(card.read_text(encoding="utf-8", errors="replace"))
    runs = done_runs_of(results / "official" / check_name(front["study"], "study"), front["variant"])
    info, _ = read_model(path)
    assert runs[0].result is not None
    if info.weights_digest != runs[0].result.weights_digest:
        raise LeoBenchError(
            f"{path} is run {info.run_key}, but the lowest seed of variant {front['variant']} of {front['study']} is "
            f"run {runs[0].result.run_key} with other weights now; publish the model again: {_command(path.stem)}"
        )
    return _write_card(path, front["study"], runs)


def done_runs_of(folder: Path, variant: str) -> list[RunState]:
    """Return the done runs of a variant of a published study, by seed. Raises LeoBenchError if there is none."""
    view = load_study(folder)
    runs = sorted((run for run in view.done if run.planned.variant == variant), key=lambda run: run.planned.seed)
    if not runs:
        names = ", ".join(dict.fromkeys(run.planned.variant for run in view.done))
        raise LeoBenchError(f"{folder} has no done run of variant {variant!r}; its variants are {names}")
    return runs


def _write_card(path: Path, study: str, runs: list[RunState]) -> Path:
    card = path.with_suffix(CARD)
    write_atomic(card, card_text(path.stem, study, runs, path.read_bytes()).encode())
    return card


def _command(name: str) -> str:
    return f"leo-bench publish-model {name} --study NAME-PROFILE"
