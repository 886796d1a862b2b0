"""Published models: a trained learner as one safetensors file, with its settings and its origin in the metadata."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from leo_bench.config import Settings, make_settings
from leo_bench.config.paths import as_typed
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner
from leo_bench.training.published_models import CHECKOUT, ENDING, published_files, published_names

METADATA = "leo_bench"
"""Key of the metadata of a model's file. The only one, because safetensors writes several in no fixed order."""


class ModelInfo(BaseModel):
    """Contents of a model's file besides its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    settings: dict[str, Any]
    """Settings that are not at their default: those of training, and those of tests that decide how it answers."""
    run_key: str
    """Run that trained it."""
    weights_digest: str
    """SHA-256 of the weights, as in the record of the run."""
    numerics: str
    """Digest of the source that trained it."""

    def at_test(self) -> Settings:
        """Return the settings of the trained model, with its inner loop at test."""
        settings = make_settings(self.settings, where=f"model {self.name}")
        loop = {
            "inner_steps": settings.test_inner_steps,
            "inner_lr": settings.test_inner_lr,
            "inner_temperature": settings.test_inner_temperature,
        }
        return settings.model_copy(update={name: value for name, value in loop.items() if value is not None})


def model_bytes(info: ModelInfo, weights: dict[str, Tensor]) -> bytes:
    """Return the content of a model's file, the same bytes for the same content."""
    return save(weights, {METADATA: json.dumps(info.model_dump(), sort_keys=True)})


def find_model(name: str | Path) -> Path:
    """Return the file of a model. name: that of a published model, or the path of a file that ends with .safetensors.

    Looks in models/ of the checkout, then among the files of the installed package. Raises LeoBenchError naming the
    places.
    """
    if str(name).endswith(ENDING):
        path = as_typed(name)
        if path.is_file():
            return path
        raise LeoBenchError(
            f"there is no model {path.absolute()}; name a file, or a published model: {published_names()}"
        )
    for path in published_files():
        if path.stem == str(name):
            return path
    raise LeoBenchError(
        f"no published model {str(name)!r}: there are {published_names()}; looked in {CHECKOUT}/ and among the files "
        "of the installed package leo_bench"
    )


def read_model(path: Path) -> tuple[ModelInfo, dict[str, Tensor]]:
    """Return what a model's file says, and its weights. Raises LeoBenchError if it is damaged or no such file."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}
        return ModelInfo.model_validate_json(metadata[METADATA]), weights
    except KeyError:
        raise LeoBenchError(
            f"{path} does not say which settings it was trained with, so it is no published model; "
            "make one of a recorded run: leo-bench publish-model"
        ) from None
    except (OSError, SafetensorError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise LeoBenchError(f"{path} is damaged ({reason}); get it again, or check it out again") from None


def load_into(learner: Learner, weights: dict[str, Tensor], info: ModelInfo, untrained: tuple[str, ...] = ()) -> None:
    """Give a learner the weights of a model. untrained: start of the names of parameters that the model need not have.

    Raises LeoBenchError if the weights do not fit.
    """
    try:
        missing, unexpected = learner.load_state_dict(weights, strict=False)
        missing = [name for name in missing if not name.startswith(untrained)] if untrained else missing
        if missing or unexpected:
            raise RuntimeError(f"missing: {missing}, unexpected: {unexpected}")
    except RuntimeError as error:
        raise LeoBenchError(
            f"the weights of model {info.name} do not fit this version of leo_bench ({str(error).splitlines()[-1]}); "
            "take model and package from the same version"
        ) from None
