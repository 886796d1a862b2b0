"""Presets, and settings made from a preset and some values on top."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from leo_bench.config.paths import as_typed
from leo_bench.config.settings import Settings, names_of
from leo_bench.config.toml_file import read_toml
from leo_bench.errors import LeoBenchError, did_you_mean, nearest

PROTOTYPE_START: dict[str, Any] = {
    "decode": "class",
    "encoder": "shared",
    "decoder": "linear",
    "decoder_start": "encoder",
    "head_bias": "distance",
    "logit_scale": "learned",
    "padding": 2,
    "train_n_way": 40,
    "train_n_query": 4,
    "train_support": "each",
    "n_train_episodes": 800,
    "meta_batch_size": 1,
    "schedule": "one_cycle",
    "outer_lr": 0.006,
}
"""A start as a prototype classifier and the training recipe that goes with it."""

SHORT_EPISODES: dict[str, Any] = {
    "image_size": 28,
    "padding": 2,
    "train_n_query": 4,
    "n_train_episodes": 6400,
    "meta_batch_size": 1,
    "schedule": "one_cycle",
    "outer_lr": 0.003,
}
"""The recipe of the methods that adapt weights: as many training images as PROTOTYPE_START, in episodes of 5 ways."""

PRESETS: dict[str, dict[str, Any]] = {
    "documented": {},
    "leo": {"decode": "class"},
    "paper": {
        "decode": "class",
        "encoder": "shared",
        "feature_norm": "l2",
        "decoder": "linear",
        "latent": "gaussian",
        "decoded_weights": "gaussian",
        "inner_lr": 1.0,
        "inner_lr_mode": "learned",
        "inner_loss": "sum",
        "finetune_steps": 5,
        "finetune_lr": 0.001,
        "feature_dropout": 0.5,
        "kl_weight": 1e-3,
        "encoder_penalty_weight": 1e-9,
        "orthogonality_weight": 1e-3,
        "l2_weight": 1e-8,
    },
    "prototype_start": {**PROTOTYPE_START, "relation_residual": True},
    "tuned": {
        **PROTOTYPE_START,
        "image_size": 28,
        "relation": "none",
        "latent_dim": 256,
        "frozen_maps": True,
        "adapts": "at_test",
        "inner_steps": 20,
        "inner_lr": 1.0,
        "inner_loss": "class_mean",
        "inner_temperature": 2.0,
        "test_support_copies": "shifted",
    },
    "maml": {**SHORT_EPISODES, "learner": "maml", "inner_lr": 0.1, "inner_steps": 3, "outer_lr": 0.001},
    "first_order_maml": {
        **SHORT_EPISODES,
        "learner": "maml",
        "second_order": False,
        "inner_lr": 0.1,
        "inner_steps": 5,
        "outer_lr": 0.006,
    },
    "meta_sgd": {**SHORT_EPISODES, "learner": "meta_sgd", "inner_lr": 0.1, "inner_steps": 1, "outer_lr": 0.001},
    "anil": {**SHORT_EPISODES, "learner": "anil", "inner_lr": 0.1, "inner_steps": 5},
    "reptile": {
        **SHORT_EPISODES,
        "learner": "reptile",
        "inner_lr": 0.1,
        "inner_steps": 5,
        "outer_lr": 0.001,
        "test_inner_steps": 50,
    },
    "pretrained": {
        **SHORT_EPISODES,
        "learner": "pretrained",
        "train_n_way": 40,
        "n_train_episodes": 800,
        "outer_lr": 0.001,
        "test_head": "logistic_regression",
    },
}
"""Named settings: the values that differ from the defaults.

documented: the source document to the letter. leo: decodes each class code by itself. paper: Rusu et al. (2019) with
the defaults of the authors' release, on a Conv-4 trained end to end. prototype_start: initialised as a prototype
classifier and trained on fewer but larger episodes, in which every image is a support image once. At one shot it
trains on 160,000 images in all, as many as the documented 2,000 episodes have. tuned: the same training of a LEO
whose codes lose nothing of the features at 28x28 (at 105x105 with first_pool 3 and padding 0), and whose inner loop
acts at test, on a support set with shifted copies. maml to pretrained: the other methods (docs/methods.md) on as many
training images, with the settings that the study compare_choice chose on validation characters.
"""


NOT_IN_A_PRESET = ("seed", "dataset", *names_of("machine"))
"""Settings that belong to a run or a call, so that a preset cannot have them."""


def preset_values(preset: str | Path, where: str = "settings") -> dict[str, Any]:
    """Return the settings of a preset.

    preset: a name in PRESETS, or the path of a .toml file with `preset = NAME` and a table [settings]. where: place
    named in messages. Raises LeoBenchError if the name is unknown or the file is wrong.
    """
    preset = str(preset)
    if preset in PRESETS:
        return PRESETS[preset]
    if not preset.endswith(".toml"):
        near = nearest(preset, PRESETS)
        hint = f"did you mean {near!r}? There are" if near else "there are"
        raise LeoBenchError(
            f"{where}: unknown preset {preset!r}; {hint} {', '.join(PRESETS)}, or name a file that ends with .toml"
        )
    content = read_toml(as_typed(preset), f"{where}: preset {preset}")
    base, settings = content.get("preset", "documented"), content.get("settings", {})
    named = isinstance(base, str) and base in PRESETS
    if not content or set(content) - {"preset", "settings"} or not named or not isinstance(settings, dict):
        raise LeoBenchError(
            f"{where}: preset {preset} is empty or has other content than a preset; expected preset = NAME "
            f"({', '.join(PRESETS)}) and a table [settings]"
        )
    if fixed := [name for name in settings if name in NOT_IN_A_PRESET]:
        raise LeoBenchError(
            f"{where}: preset {preset} sets {fixed[0]}, which a preset cannot have; set it in the study or search, or "
            "on the command line"
        )
    return {**PRESETS[base], **settings}


def make_settings(values: Mapping[str, Any], preset: str | Path = "documented", where: str = "settings") -> Settings:
    """Return the settings of a preset with values on top. where: place named in messages.

    Raises LeoBenchError naming the setting, the value given and the values allowed. For a mistyped name the message
    suggests the nearest one.
    """
    merged = {**preset_values(preset, where), **values}
    unknown = [name for name in merged if name not in Settings.model_fields]
    if unknown:
        hint = did_you_mean(unknown[0], Settings.model_fields, "settings are")
        raise LeoBenchError(f"{where}: unknown setting {unknown[0]!r}; {hint}")
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, tuple) and isinstance(merged.get(name), list):
            merged[name] = tuple(merged[name])
    try:
        return Settings(**merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise LeoBenchError(f"{where}: {problem_words(name, message, first['input']) if name else message}") from None


MOST = 200
"""Most characters of a wrong value in a message."""


def problem_words(name: str, message: str, given: object) -> str:
    """Return a fault that pydantic found in a value: `latent_dim should be a valid integer (got 'wide')`."""
    example = "[1, 5]" if isinstance(given, str) and given.startswith("[") else json.dumps([given], default=str)
    message = (
        message.removeprefix("Value error, ")
        .replace("a valid tuple", f"a list such as {example}")
        .replace("a valid boolean", "true or false")
        .replace("a valid list", 'a list, such as [0, 1, 2] or ["a", "b"]')
    )
    between = "" if message.startswith("Input should") else ":"
    got = repr(given)
    return f"{name}{between} {message.removeprefix('Input ')} (got {got if len(got) <= MOST else got[:MOST] + '...'})"
