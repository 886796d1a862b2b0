"""Settings: wrong ones are refused in one clear line, and every one changes the run key."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from leo_bench.config import PRESETS, Settings, default_of, faster_precision, key_of, make_settings, names_of, part_of
from leo_bench.config.explain import HEADINGS, choices, explanation, settings_tables
from leo_bench.errors import LeoBenchError

OTHER: dict[str, Any] = {
    "learner": "protonet",
    "relation": "none",
    "latent_dim": 32,
    "inner_steps": 3,
    "inner_lr": 0.02,
    "second_order": False,
    "generated": "full",
    "decode": "task",
    "encoder": "shared",
    "relation_rounds": 2,
    "inner_lr_mode": "learned",
    "inner_loss": "sum",
    "inner_temperature": 2.0,
    "adapts": "at_test",
    "frozen_maps": True,
    "inner_examples": "shifted",
    "decoder": "linear",
    "width": 32,
    "feature_norm": "l2",
    "n_decoders": 2,
    "task_conditioned": True,
    "latent": "gaussian",
    "decoded_weights": "gaussian",
    "finetune_steps": 2,
    "finetune_lr": 0.01,
    "feature_dropout": 0.5,
    "kl_weight": 0.1,
    "encoder_penalty_weight": 0.1,
    "orthogonality_weight": 0.1,
    "l2_weight": 0.1,
    "transductive": True,
    "dataset": "glyphs",
    "class_split": "random",
    "train_classes": "trainval",
    "rotations": False,
    "image_size": 28,
    "episode_mode": "within_alphabet",
    "n_way": 20,
    "k_shot": 5,
    "n_query": 10,
    "n_train_episodes": 1000,
    "meta_batch_size": 8,
    "outer_lr": 0.002,
    "clip_norm": 2.0,
    "val_every": 100,
    "n_val_episodes": 50,
    "relation_residual": True,
    "decoder_start": "encoder",
    "head_start": "prototype",
    "head_bias": "distance",
    "logit_scale": "learned",
    "train_n_way": 20,
    "train_n_query": 5,
    "train_k_shot": 5,
    "train_support": "each",
    "first_pool": 2,
    "padding": 2,
    "schedule": "one_cycle",
    "averaged_share": 0.2,
    "label_smoothing": 0.1,
    "augmentation": "affine",
    "test_split": "val",
    "n_test_episodes": 600,
    "test_n_ways": (5,),
    "test_modes": ("mixed",),
    "test_k_shots": (5,),
    "test_n_query": 1,
    "test_queries": "alone",
    "test_datasets": ("digits",),
    "test_dataset_ways": (5,),
    "test_inner_steps": 50,
    "test_inner_lr": 1.0,
    "test_inner_temperature": 2.0,
    "test_support_copies": "shifted",
    "test_head": "nearest_neighbour",
    "test_head_c": 10.0,
    "test_mislabelled": 1,
    "seed": 1,
    "precision": "bfloat16",
    "threads": 2,
    "device": "cuda",
}
"""Values that differ from the preset `leo`, one for every setting."""

WITH: dict[str, dict[str, Any]] = {
    "kl_weight": {"latent": "gaussian"},
    "orthogonality_weight": {"decoder": "linear"},
    "decoder_start": {"encoder": "shared", "decoder": "linear"},
    "frozen_maps": {"encoder": "shared", "decoder": "linear", "decoder_start": "encoder"},
    "test_head_c": {"test_head": "logistic_regression"},
    "test_mislabelled": {"test_k_shots": (3,)},
    "transductive": {"learner": "maml"},
    "test_queries": {"learner": "maml", "transductive": True},
}
"""Settings that another setting requires."""


def test_every_setting_has_another_value_here() -> None:
    assert sorted(OTHER) == sorted(Settings.model_fields)


TRAINED = [name for name in OTHER if part_of(name) != "test"]


@pytest.mark.parametrize("name", TRAINED)
def test_every_setting_that_training_reads_changes_the_run_key(name: str) -> None:
    base = make_settings(WITH.get(name, {}), "leo")
    changed = make_settings({**WITH.get(name, {}), name: OTHER[name]}, "leo")
    assert getattr(changed, name) != getattr(base, name)
    assert changed.run_key != base.run_key


def test_no_two_changes_share_a_run_key() -> None:
    keys = [
        make_settings({**WITH.get(name, {}), name: value}, "leo").run_key
        for name, value in OTHER.items()
        if name in TRAINED
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"seed": 3, "n_way": 10}, {"n_way": 10, "seed": 3}),
        ({}, {"n_way": 5, "relation": "pairwise"}),
        ({"inner_lr": 1}, {"inner_lr": 1.0}),
        ({"test_n_ways": [5, 10]}, {"test_n_ways": (5, 10)}),
        ({"test_modes": ["mixed"]}, {"test_modes": ("mixed",)}),
    ],
    ids=["order", "defaults spelled out", "whole number for a float", "list of ways", "list of modes"],
)
def test_equal_settings_have_the_same_run_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert make_settings(one).run_key == make_settings(other).run_key


@pytest.mark.parametrize("preset", PRESETS)
def test_settings_survive_a_trip_through_json(preset: str) -> None:
    changes = {
        "generated": "head",
        "decode": "class",
        "relation": "attention",
        "task_conditioned": False,
        "test_split": "test",
        "n_decoders": 1,
        "train_support": "first",
        "head_start": "decoded",
        "test_inner_steps": None,
        "test_inner_lr": None,
        "test_inner_temperature": None,
        "test_queries": "together",
        "test_head_c": 1.0,
        "adapts": "always",
        "frozen_maps": False,
        "transductive": False,
    }
    settings = make_settings({**OTHER, **changes}, preset)
    again = make_settings(json.loads(json.dumps(settings.canonical())))
    assert again == settings
    assert again.run_key == settings.run_key


def test_every_default_is_pinned() -> None:
    # Settings at their default are not part of a key: at another default an old key would name another run.
    assert {name: default_of(name) for name in Settings.model_fields} == {
        "learner": "leo",
        "relation": "pairwise",
        "relation_rounds": 1,
        "relation_residual": False,
        "latent_dim": 64,
        "inner_steps": 5,
        "inner_lr": 0.01,
        "inner_lr_mode": "fixed",
        "inner_loss": "mean",
        "inner_temperature": 1.0,
        "adapts": "always",
        "inner_examples": "support",
        "second_order": True,
        "generated": "head",
        "decode": "task",
        "encoder": "separate",
        "decoder": "mlp",
        "decoder_start": "random",
        "frozen_maps": False,
        "head_start": "decoded",
        "head_bias": "decoded",
        "logit_scale": "one",
        "feature_norm": "none",
        "first_pool": 1,
        "padding": 0,
        "width": 64,
        "n_decoders": 1,
        "task_conditioned": False,
        "latent": "deterministic",
        "decoded_weights": "deterministic",
        "finetune_steps": 0,
        "finetune_lr": 0.001,
        "feature_dropout": 0.0,
        "kl_weight": 0.0,
        "encoder_penalty_weight": 0.0,
        "orthogonality_weight": 0.0,
        "l2_weight": 0.0,
        "transductive": False,
        "dataset": "omniglot",
        "class_split": "lake",
        "train_classes": "train",
        "rotations": True,
        "image_size": 105,
        "episode_mode": "mixed",
        "n_way": 5,
        "k_shot": 1,
        "n_query": 15,
        "train_n_way": None,
        "train_k_shot": None,
        "train_n_query": None,
        "n_train_episodes": 2000,
        "train_support": "first",
        "meta_batch_size": 4,
        "outer_lr": 0.001,
        "schedule": "constant",
        "averaged_share": 0.0,
        "label_smoothing": 0.0,
        "augmentation": "none",
        "clip_norm": 1.0,
        "val_every": 500,
        "n_val_episodes": 100,
        "test_split": "test",
        "n_test_episodes": 1000,
        "test_n_ways": [5, 20],
        "test_k_shots": [],
        "test_n_query": None,
        "test_queries": "together",
        "test_modes": ["mixed", "within_alphabet"],
        "test_datasets": [],
        "test_dataset_ways": [],
        "test_inner_steps": None,
        "test_inner_lr": None,
        "test_inner_temperature": None,
        "test_support_copies": "none",
        "test_head": "own",
        "test_head_c": 1.0,
        "test_mislabelled": 0,
        "seed": 0,
        "precision": "float32",
        "threads": 1,
        "device": "cpu",
    }


def test_the_run_key_is_the_hash_of_what_differs_from_the_defaults() -> None:
    # Worked out here from the schema and the two settings that differ.
    text = json.dumps({"schema": 2, "decode": "class", "seed": 4}, sort_keys=True)
    expected = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert make_settings({"seed": 4}, "leo").run_key == expected


def test_a_new_setting_at_its_default_changes_no_key() -> None:
    values = make_settings({"seed": 4}, "leo").canonical()
    older = {name: value for name, value in values.items() if name != "padding"}  # before there was padding
    assert key_of(older) == key_of(values)
    assert key_of({**older, "padding": 2}) != key_of(values)


def test_settings_of_tests_do_not_change_the_run_key() -> None:
    for name in names_of("test"):
        base = make_settings(
            {part: WITH.get(name, {})[part] for part in WITH.get(name, {}) if part_of(part) != "test"}, "leo"
        )
        changed = make_settings({**WITH.get(name, {}), name: OTHER[name]}, "leo")
        assert getattr(changed, name) != getattr(base, name)
        assert changed.run_key == base.run_key


def test_precision_does_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = set()
    for words in ("avx512_bf16", "avx2"):
        monkeypatch.setattr("pathlib.Path.read_text", lambda *_, words=words: words)
        keys.add((make_settings({}, "leo").precision, make_settings({}, "leo").run_key))
    assert len(keys) == 1
    assert keys.pop()[0] == "float32"


@pytest.mark.parametrize(("words", "fast"), [("avx2", False), ("avx2 avx512_bf16", True), ("amx_bf16", True)])
def test_the_faster_precision_is_named_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, words: str, fast: bool
) -> None:
    monkeypatch.setattr("pathlib.Path.read_text", lambda *_, **__: words)
    plain = make_settings({}, "leo").canonical()
    assert ("--precision bfloat16" in faster_precision([plain])) is fast
    assert faster_precision([{**plain, "precision": "bfloat16"}]) == ""
    assert faster_precision([{**plain, "generated": "full"}]) == ""  # cannot take it
    assert faster_precision([]) == ""


PLAIN = ("test_n_ways", "test_k_shots", "test_datasets", "test_dataset_ways", "learner", "dataset")
"""Settings whose choices stand elsewhere, or that have none."""


def test_every_setting_says_what_it_does_and_of_which_kind_it_is() -> None:
    for name in Settings.model_fields:
        assert len(explanation(name)) > 10, name
        assert part_of(name) in HEADINGS
        assert choices(name) or name in PLAIN, name
        assert "e+" not in choices(name), name
    assert choices("seed") == "from 0 to below 4294967296"


def test_the_tables_for_the_docs_name_every_setting_once() -> None:
    named = re.findall(r"^\| `(\w+)` \|", settings_tables(), flags=re.MULTILINE)
    assert sorted(named) == sorted(Settings.model_fields)
    assert (
        "| `latent_dim` | 64 | from 1 to 4096 | n_z; document: 32 to 128; document | Length of a class code z. |"
        in (settings_tables())
    )


def test_the_run_key_does_not_depend_on_the_process() -> None:
    code = "from leo_bench.config import make_settings; print(make_settings({'seed': 4}, 'leo').run_key)"
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert keys == {make_settings({"seed": 4}, "leo").run_key}


def test_the_run_key_is_a_folder_name() -> None:
    key = make_settings({}).run_key
    assert len(key) == 16
    assert set(key) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"inner_stepss": 5}, ["'inner_stepss'", "'inner_steps'"]),
        ({"zzz": 5}, ["'zzz'", "latent_dim", "seed"]),
        ({"relation": "attentive"}, ["relation", "'pairwise'", "'none'", "'attentive'"]),
        ({"latent_dim": 0}, ["latent_dim", "1", "got 0"]),
        ({"latent_dim": 64.5}, ["latent_dim", "integer", "64.5"]),
        ({"latent_dim": "64"}, ["latent_dim", "integer", "'64'"]),
        ({"inner_steps": -1}, ["inner_steps", "0", "-1"]),
        ({"inner_lr": 0.0}, ["inner_lr", "greater than 0"]),
        ({"inner_lr": float("nan")}, ["inner_lr", "nan"]),
        ({"outer_lr": float("inf")}, ["outer_lr", "inf"]),
        ({"clip_norm": -1.0}, ["clip_norm", "-1.0"]),
        ({"second_order": "yes"}, ["second_order", "true or false", "'yes'"]),
        ({"second_order": 1}, ["second_order", "true or false"]),
        ({"seed": True}, ["seed", "integer", "True"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"seed": 2**32}, ["seed", "4294967296"]),
        ({"image_size": 15}, ["image_size", "16", "15"]),
        ({"image_size": 106}, ["image_size", "105", "106"]),
        ({"n_way": 1}, ["n_way", "2", "got 1"]),
        ({"k_shot": 0}, ["k_shot", "got 0"]),
        ({"k_shot": 6, "n_query": 15}, ["k_shot + n_query", "6 + 15", "20"]),
        ({"n_train_episodes": 2001}, ["n_train_episodes", "2001", "meta_batch_size", "4"]),
        (
            {"n_train_episodes": 12, "schedule": "one_cycle"},
            ["one_cycle", "exactly 3 updates", "n_train_episodes 12", "meta_batch_size 4", "constant"],
        ),
        ({"generated": "full", "decode": "task"}, ["generated", "full", "decode", "class"]),
        ({"inner_examples": "leave_one_out"}, ["leave_one_out", "k_shot", "2"]),
        ({"inner_examples": "shifted", "generated": "full", "decode": "class"}, ["shifted", "generated", "head"]),
        ({"task_conditioned": True}, ["task_conditioned", "decode", "class"]),
        (
            {"task_conditioned": True, "decoder": "linear", "decode": "class"},
            ["task_conditioned", "decoder", "mlp", "every class"],
        ),
        ({"orthogonality_weight": 0.1}, ["orthogonality_weight", "decoder", "linear"]),
        ({"kl_weight": 0.1}, ["kl_weight", "latent", "gaussian"]),
        ({"train_n_way": 20}, ["decode=task", "train_n_way", "class"]),
        (
            {"train_n_query": 17, "k_shot": 5, "n_query": 10},
            ["5 support and 17 query", "train_n_query", "20"],
        ),
        ({"train_k_shot": 6}, ["6 support and 15 query", "train_k_shot", "20"]),
        ({"image_size": 28, "first_pool": 2}, ["first_pool 2", "14 pixels", "16"]),
        ({"padding": 17}, ["padding", "16", "17"]),
        ({"train_support": "each", "k_shot": 2}, ["train_support=each", "support sets of 2", "17", "multiple"]),
        (
            {"train_support": "each", "inner_examples": "shifted"},
            ["inner_examples=shifted", "train_support", "first"],
        ),
        (
            {"train_support": "each", "generated": "full", "decode": "class"},
            ["generated=full", "train_support", "first"],
        ),
        (
            {"inner_examples": "leave_one_out", "k_shot": 5, "train_k_shot": 1},
            ["leave_one_out", "train_k_shot", "2"],
        ),
        ({"relation": "none", "relation_residual": True}, ["relation=none", "relation_residual"]),
        ({"decoder_start": "encoder", "decode": "class"}, ["decoder_start", "shared", "linear"]),
        (
            {
                "decoder_start": "encoder",
                "decode": "class",
                "encoder": "shared",
                "decoder": "linear",
                "n_decoders": 2,
            },
            ["decoder_start=encoder is the transpose"],
        ),
        ({"head_start": "prototype", "decode": "task"}, ["head_start=prototype", "generated", "decode", "class"]),
        (
            {"head_start": "prototype", "generated": "full", "decode": "class"},
            ["head_start=prototype", "generated to head"],
        ),
        (
            {
                "head_start": "prototype",
                "decode": "class",
                "encoder": "shared",
                "decoder": "linear",
                "decoder_start": "encoder",
            },
            ["head_start=prototype", "decoder_start", "random"],
        ),
        (
            {"head_start": "prototype", "decode": "class", "inner_examples": "leave_one_out", "k_shot": 2},
            ["leave_one_out", "head_start", "decoded"],
        ),
        ({"averaged_share": 1.0}, ["averaged_share", "less than 1"]),
        ({"encoder": "none"}, ["encoder=none", "relation", "none"]),
        (
            {"encoder": "none", "relation": "none", "latent": "gaussian", "kl_weight": 0.1},
            ["encoder=none", "kl_weight", "0"],
        ),
        (
            {"encoder": "none", "relation": "none", "inner_examples": "leave_one_out", "k_shot": 2},
            ["leave_one_out", "encoder", "separate", "shared"],
        ),
        ({"test_split": "val", "train_classes": "trainval"}, ["trainval", "test_split", "train_classes to train"]),
        ({"relation": "shuffled", "latent_dim": 1}, ["relation=shuffled", "latent_dim", "2"]),
        ({"relation": "none", "relation_rounds": 2}, ["relation=none", "relation_rounds", "1"]),
        ({"frozen_maps": True}, ["frozen_maps keeps the start", "set decoder_start to encoder"]),
        ({"frozen_maps": True, "decode": "class"}, ["frozen_maps keeps the start", "set decoder_start to encoder"]),
        ({"adapts": "never"}, ["adapts", "'always'", "'at_test'", "'never'"]),
        (
            {"adapts": "at_test", "inner_lr_mode": "per_step"},
            ["adapts=at_test trains no step sizes", "inner_lr_mode is per_step", "set it to fixed"],
        ),
        (
            {"adapts": "at_test", "generated": "full", "decode": "class"},
            ["adapts=at_test", "one CNN", "set generated to head"],
        ),
        ({"inner_temperature": 0.0}, ["inner_temperature", "greater than 0"]),
        ({"test_inner_temperature": 0.0}, ["test_inner_temperature", "greater than 0"]),
        (
            {"learner": "protonet", "test_inner_temperature": 2.0},
            ["test_inner_temperature", "learner=protonet", "test_head=own", "leave it out"],
        ),
        (
            {
                "test_head": "descended_prototypes",
                "test_inner_steps": 5,
                "test_inner_lr": 1.0,
                "test_inner_temperature": 2.0,
            },
            ["test_inner_temperature", "test_head=descended_prototypes", "leave it out"],
        ),
        ({"test_support_copies": "many"}, ["test_support_copies", "'none'", "'shifted'", "'many'"]),
        (
            {"test_support_copies": "shifted", "inner_examples": "leave_one_out", "k_shot": 2},
            ["leave_one_out", "not its copies", "set test_support_copies to none"],
        ),
        ({"feature_dropout": 1.0}, ["feature_dropout", "less than 1", "1.0"]),
        ({"test_n_ways": [5, 1]}, ["test_n_ways", "2", "[5, 1]"]),
        ({"test_n_ways": 5}, ["test_n_ways", "a list such as"]),
        ({"test_dataset_ways": [5, 1]}, ["test_dataset_ways", "2", "[5, 1]"]),
        (
            {"test_datasets": ["digits"], "test_dataset_ways": [11]},
            ["test_dataset_ways 11", "10 test classes of digits"],
        ),
        (
            {"test_datasets": ["glyphs"], "test_dataset_ways": [421]},
            ["421 is more than the 420 test classes of glyphs"],
        ),
        (
            {"test_datasets": ["glyphs"], "test_dataset_ways": [111], "test_split": "val"},
            ["111 is more than the 110 validation classes of glyphs"],
        ),
        ({"test_k_shots": [0]}, ["test_k_shots", "1", "[0]"]),
        ({"test_datasets": ["digit"]}, ["test_datasets", "'digit'", "digits"]),
        ({"test_k_shots": [5, 25]}, ["test_k_shots 25", "20 drawings", "omniglot", "at most 19"]),
        ({"test_datasets": ["digits"], "test_split": "val"}, ["test_split=val", "digits", "test_datasets"]),
        ({"test_datasets": ["digits"], "n_way": 20}, ["20 ways", "digits", "10 test classes", "lower n_way"]),
        ({"dataset": "digits"}, ["dataset", "omniglot", "glyphs", "'digits'"]),
        ({"learner": "maml2"}, ["learner", "leo", "protonet", "'maml2'"]),
        ({"learner": "pixels", "test_inner_steps": 5}, ["pixels", "no inner loop", "test_inner_steps"]),
        ({"inner_lr_mode": "learned", "test_inner_lr": 1.0}, ["inner_lr_mode=learned", "test_inner_lr"]),
        ({"inner_lr_mode": "per_step", "test_inner_steps": 9}, ["per_step", "test_inner_steps"]),
        (
            {"inner_lr_mode": "learned", "inner_steps": 0, "test_inner_steps": 9},
            ["inner_steps=0", "inner_lr_mode=learned", "test_inner_steps"],
        ),
        (
            {"generated": "full", "decode": "class", "test_head": "logistic_regression"},
            ["test_head=logistic_regression", "generated=full", "set test_head to own, or generated to head"],
        ),
        ({"test_head": "descended_prototypes"}, ["descended_prototypes", "set test_inner_steps and test_inner_lr"]),
        (
            {"learner": "protonet", "test_head": "descended_prototypes", "test_inner_steps": 5},
            ["descended_prototypes", "set test_inner_steps and test_inner_lr"],
        ),
        (
            {"test_head": "nearest_neighbour", "test_inner_steps": 5},
            ["nearest_neighbour", "test_inner_steps"],
        ),
        ({"test_head": "logistic_regression", "test_inner_lr": 1.0}, ["logistic_regression", "test_inner_lr"]),
        ({"test_head_c": 2.0}, ["test_head=own", "leave out test_head_c", "logistic_regression"]),
        ({"test_head": "linear"}, ["test_head", "'descended_prototypes'", "'linear'"]),
        ({"test_head": "logistic_regression", "test_head_c": 0}, ["test_head_c", "greater than 0"]),
        ({"test_mislabelled": 1}, ["test_mislabelled 1", "at most 1 support", "lower it", "3 or more to test_k_shots"]),
        ({"test_mislabelled": 3, "test_k_shots": [6]}, ["test_mislabelled 3", "at most 6", "7 or more"]),
        ({"test_mislabelled": -1}, ["test_mislabelled", "0"]),
        # twenty shots leave no query of Omniglot, so no test could have wrong labels
        (
            {"test_mislabelled": 1, "test_k_shots": [20], "test_datasets": ["glyphs"]},
            ["at most 1 support", "3 or more"],
        ),
        (
            {"test_mislabelled": 2, "test_k_shots": [4, 20], "test_datasets": ["digits"], "n_way": 30},
            ["30 ways", "digits"],
        ),
        ({"adapts": "at_test", "encoder_penalty_weight": 0.1}, ["encoder_penalty_weight", "adapts"]),
        (
            {"test_inner_steps": 0, "test_inner_lr": 3.0},
            ["test_inner_steps=0", "leave out test_inner_lr and test_inner_temperature"],
        ),
        ({"test_inner_steps": 0, "test_inner_temperature": 3.0}, ["test_inner_steps=0", "test_inner_temperature"]),
        (
            {"learner": "nearest_neighbour", "test_head": "nearest_neighbour"},
            ["test_head=nearest_neighbour", "set test_head to own"],
        ),
        (
            {"k_shot": 5, "inner_examples": "leave_one_out", "decode": "class", "test_k_shots": [1]},
            ["leave_one_out", "test_k_shots", "2 or more"],
        ),
        ({"test_modes": ["mixed", "nearby"]}, ["test_modes", "within_alphabet", "'nearby'"]),
        ({"n_val_episodes": 1}, ["n_val_episodes", "2"]),
        ({"precision": "float16"}, ["precision", "'float32'", "'bfloat16'"]),
        ({"device": "tpu"}, ["device", "'cpu'", "'cuda'"]),
        ({"threads": 0}, ["threads", "got 0"]),
        ({"seed": None}, ["seed", "None"]),
    ],
)
def test_bad_settings_are_refused_in_one_line_that_names_them(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(LeoBenchError) as caught:
        make_settings(values, where="study.toml")
    message = str(caught.value)
    assert message.startswith("study.toml: ")
    assert "\n" not in message
    for word in words:
        assert word in message


def test_an_unknown_preset_is_refused_and_the_known_ones_named() -> None:
    with pytest.raises(LeoBenchError, match=r"'leoo'.*documented, leo"):
        make_settings({}, "leoo")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("latent_dim", 1, 4096), ("inner_steps", 0, 100), ("image_size", 16, 105), ("seed", 0, 2**32 - 1)],
)
def test_ranges_include_their_ends(name: str, low: int, high: int) -> None:
    for value in (low, high):
        assert getattr(make_settings({name: value}), name) == value


def test_the_documented_ranges_are_all_accepted() -> None:
    for values in ({"latent_dim": 32}, {"latent_dim": 128}, {"inner_steps": 3}, {"inner_steps": 10}):
        make_settings(values)
    for name, ends in {"inner_lr": (0.005, 0.05), "outer_lr": (0.0001, 0.01)}.items():
        for end in ends:
            make_settings({name: end})


def test_the_documented_preset_holds_the_documents_values() -> None:
    settings = make_settings({}, "documented")
    assert settings == Settings()
    assert (settings.n_way, settings.k_shot, settings.n_query, settings.n_train_episodes) == (5, 1, 15, 2000)
    assert (settings.latent_dim, settings.inner_lr, settings.outer_lr, settings.inner_steps) == (64, 0.01, 0.001, 5)
    assert (settings.meta_batch_size, settings.image_size) == (4, 105)
    assert (settings.relation, settings.decode, settings.encoder, settings.generated, settings.second_order) == (
        "pairwise",
        "task",
        "separate",
        "head",
        True,
    )


def test_the_leo_preset_decodes_class_by_class_and_is_else_the_documented() -> None:
    documented, leo = make_settings({}, "documented").canonical(), make_settings({}, "leo").canonical()
    assert {name for name in leo if leo[name] != documented[name]} == {"decode"}
    assert leo["decode"] == "class"


def test_values_go_over_the_preset() -> None:
    assert make_settings({"decode": "task"}, "leo").decode == "task"


def test_the_documented_budget_is_160_000_images() -> None:
    assert make_settings({}).n_train_images == 160_000
    # 500 episodes of 20-way 1-shot with 15 queries are the same images
    assert make_settings({"n_way": 20, "n_train_episodes": 500}).n_train_images == 160_000


def test_settings_cannot_be_changed_after_they_are_made() -> None:
    settings = make_settings({})
    with pytest.raises(ValidationError):
        settings.seed = 1


@pytest.mark.parametrize(
    "values",
    [
        {"learner": "protonet"},
        {"learner": "pixels"},
        {"inner_lr_mode": "per_step"},
        {"inner_lr_mode": "learned", "inner_steps": 0},
    ],
)
def test_descended_prototypes_take_steps_whatever_the_learner_does(values: dict[str, Any]) -> None:
    loop = {"test_head": "descended_prototypes", "test_inner_steps": 50, "test_inner_lr": 1.0}
    assert make_settings({**values, **loop}).run_key == make_settings(values).run_key


@pytest.mark.parametrize("name", ["dataset", "seed", "device", "precision", "threads"])
def test_a_preset_file_has_no_settings_of_a_call(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'preset = "leo"\n[settings]\n{name} = 1\n')
    with pytest.raises(LeoBenchError, match=f"mine.toml sets {name}, which a preset cannot have; set it in the study"):
        make_settings({}, str(path))
