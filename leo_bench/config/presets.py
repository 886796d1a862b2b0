"""Presets, and settings made from a preset and some values on top."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from leo_bench.config.settings import Settings
from leo_bench.errors import LeoBenchError

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
    "tuned": {
        "decode": "class",
        "encoder": "shared",
        "decoder": "linear",
        "decoder_start": "encoder",
        "relation_residual": True,
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
    },
}
"""Named settings: what differs from the defaults. `documented` is the source document to the letter; `leo` decodes
class by class; `paper` is Rusu et al. (2019) with the defaults of the authors' release, on a Conv-4 that is trained
with the rest; `tuned` starts as a prototype classifier and trains on fewer, larger episodes, of which every image is a
support image in turn: at one shot 160,000 images in all, as many as the documented 2,000 episodes have."""


def preset_values(preset: str, where: str = "settings") -> dict[str, Any]:
    """What a preset sets: one of PRESETS by name, or a file `preset = "leo"` with [settings], by a path that ends with
    .toml. Raises LeoBenchError."""
    if preset in PRESETS:
        return PRESETS[preset]
    if not preset.endswith(".toml"):
        raise LeoBenchError(
            f"{where}: unknown preset {preset!r}; there are {', '.join(PRESETS)}, and files that end with .toml"
        )
    try:
        content = tomllib.loads(Path(preset).read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LeoBenchError(f"{where}: preset {preset} cannot be read: {error}") from None
    base, settings = content.get("preset", "documented"), content.get("settings", {})
    if set(content) - {"preset", "settings"} or base not in PRESETS or not isinstance(settings, dict):
        raise LeoBenchError(
            f"{where}: preset {preset}: expected preset = one of {', '.join(PRESETS)}, and a table [settings]"
        )
    return {**PRESETS[base], **settings}


def make_settings(values: Mapping[str, Any], preset: str = "documented", where: str = "settings") -> Settings:
    """Settings of a preset with values on top.

    Raises LeoBenchError in one line naming the setting, what it got and what it takes; a mistyped name gets the
    nearest one.
    """
    merged = {**preset_values(preset, where), **values}
    unknown = [name for name in merged if name not in Settings.model_fields]
    if unknown:
        near = get_close_matches(unknown[0], Settings.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"settings are {', '.join(Settings.model_fields)}"
        raise LeoBenchError(f"{where}: unknown setting {unknown[0]!r}; {hint}")
    for name in ("test_n_ways", "test_k_shots", "test_modes", "test_datasets"):
        if isinstance(merged.get(name), list):
            merged[name] = tuple(merged[name])
    try:
        return Settings(**merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        got = f" (got {first['input']!r})" if name else ""
        raise LeoBenchError(f"{where}: {name + ': ' if name else ''}{message}{got}") from None
