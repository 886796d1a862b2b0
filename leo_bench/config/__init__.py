"""Settings of a run, presets, and the tests that settings ask for. Light: no torch, no pandas."""

from leo_bench.config.presets import PRESETS, make_settings, preset_values
from leo_bench.config.processor import bfloat16_is_fast, faster_precision, takes_bfloat16
from leo_bench.config.settings import (
    SCHEMA_VERSION,
    Part,
    Settings,
    default_of,
    differing,
    key_of,
    names_of,
    part_of,
    takes_inner_steps,
    training_key,
    training_settings,
    with_defaults,
)
from leo_bench.config.test_settings import TestSettings, planned_tests, test_key

__all__ = [
    "PRESETS",
    "SCHEMA_VERSION",
    "Part",
    "Settings",
    "TestSettings",
    "bfloat16_is_fast",
    "default_of",
    "differing",
    "faster_precision",
    "key_of",
    "make_settings",
    "names_of",
    "part_of",
    "planned_tests",
    "preset_values",
    "takes_bfloat16",
    "takes_inner_steps",
    "test_key",
    "training_key",
    "training_settings",
    "with_defaults",
]
