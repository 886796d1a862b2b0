"""Study files expanded to plans, and what is refused in them."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import results_fixture

from leo_bench.config import make_settings
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.learners import LEARNERS
from leo_bench.records import PlannedRun
from leo_bench.running.estimate import (
    cost,
    cost_of_all,
    duration,
    plan_words,
    scoring_cost,
    shared_words,
    training_cost,
)
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.plan import in_both_orders, make_plan, merge_plan, parse_seeds, present_keys
from leo_bench.running.study_file import read_study, study_names

SOURCE = DataSource("omniglot", "zips", None)
STUDIES = Path(__file__).parents[2] / "studies"

TEXT = """
question = "Q?"
baseline = "leo"
[settings]
image_size = 28
[profiles.quick]
seeds = [0]
[profiles.cpu]
seeds = [0, 1]
fewer_seeds = { slow = 1 }
[variants.leo]
[variants.none]
set = { relation = "none" }
[variants.small]
set = { latent_dim = 8 }
[variants.slow]
set = { latent_dim = 512 }
[variants.pixels]
reference = true
set = { learner = "pixels", n_train_episodes = 0 }
"""


def write(tmp_path: Path, text: str = TEXT) -> Path:
    (tmp_path / "s.toml").write_text(text)
    return tmp_path


def test_runs_go_in_rounds_with_fewer_seeds_where_asked(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "s", "cpu", SOURCE)
    assert [(run.variant, run.seed) for run in plan.runs] == [
        *((name, 0) for name in ("leo", "none", "small", "slow", "pixels")),
        *((name, 1) for name in ("leo", "none", "small", "pixels")),
    ]


@pytest.mark.parametrize("key", ["fewer_seeds = { slow = 1 }", "variant_settings = { slow = { latent_dim = 16 } }"])
def test_a_profile_says_nothing_of_variants_that_it_does_not_run(tmp_path: Path, key: str) -> None:
    path = write(tmp_path) / "s.toml"
    path.write_text(path.read_text() + f'\n[profiles.part]\nseeds = [0]\nvariants = ["none"]\n{key}\n')
    with pytest.raises(LeoBenchError, match=rf"profiles.part.{key.split()[0]}: the profile does not run 'slow'"):
        make_plan(tmp_path, "s", "part", SOURCE)


def test_a_variant_differs_from_the_baseline_in_what_it_sets_alone(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "s", "quick", SOURCE)
    settings = {run.variant: run.settings for run in plan.runs}
    assert {name for name in settings["leo"] if settings["leo"][name] != settings["none"][name]} == {"relation"}
    assert settings["leo"]["decode"] == "class"
    assert settings["leo"]["image_size"] == 28


def test_a_variant_may_have_settings_of_its_own_at_one_profile(tmp_path: Path) -> None:
    more = "fewer_seeds = { slow = 1 }\nvariant_settings = { small = { latent_dim = 16, inner_steps = 2 } }"
    folder = write(tmp_path, TEXT.replace("fewer_seeds = { slow = 1 }", more))
    at_cpu, at_quick = (
        {run.variant: run.settings for run in make_plan(folder, "s", profile, SOURCE, [0]).runs}
        for profile in ("cpu", "quick")
    )
    assert (at_cpu["small"]["latent_dim"], at_cpu["small"]["inner_steps"]) == (16, 2)
    assert at_quick["small"]["latent_dim"] == 8
    assert all(at_cpu[name] == at_quick[name] for name in at_cpu if name != "small")


def test_a_precision_that_a_variant_has_at_one_profile_is_its_own(tmp_path: Path) -> None:
    text = TEXT.replace(
        "fewer_seeds = { slow = 1 }", 'variant_settings = { none = { precision = "bfloat16", generated = "full" } }'
    )
    with pytest.raises(LeoBenchError, match=r"variant none: .* set precision to float32"):
        make_plan(write(tmp_path, text), "s", "cpu", SOURCE)


def test_switches_hold_the_baseline_and_sort_by_value(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "s", "quick", SOURCE)
    assert plan.switches == {"relation": ["leo", "none"], "latent_dim": ["small", "leo", "slow"]}
    assert plan.references == ["pixels"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('question = "Q?"', 'qestion = "Q?"', "unknown key 'qestion'; did you mean 'question'"),
        ('relation = "none"', 'realtion = "none"', "unknown setting 'realtion'; did you mean 'relation'"),
        (
            'relation = "none"',
            'relation = "nonne"',
            "relation should be .*'none', 'attention', 'own' or 'shuffled' .got 'nonne'",
        ),
        ("latent_dim = 8 ", 'latent_dim = "8"', "latent_dim should be a valid integer"),
        ('baseline = "leo"', 'baseline = "le"', "baseline: unknown variant 'le'; did you mean 'leo'"),
        ("[profiles.quick]", "[profiles.quick", "not valid TOML"),
        ("fewer_seeds = { slow = 1 }", "fewer_seeds = { slo = 1 }", "unknown variant 'slo'; did you mean 'slow'"),
        (
            "fewer_seeds = { slow = 1 }",
            'fewer_seeds = { slow = "1" }',
            "fewer_seeds.slow should be a valid integer",
        ),
        (
            "fewer_seeds = { slow = 1 }",
            "variant_settings = { slo = { latent_dim = 4 } }",
            "unknown variant 'slo'; did you mean 'slow'",
        ),
        (
            "fewer_seeds = { slow = 1 }",
            "variant_settings = { slow = { latent_dmi = 4 } }",
            "unknown setting 'latent_dmi'; did you mean 'latent_dim'",
        ),
        ("seeds = [0, 1]", "seeds = []", "profiles.cpu.seeds: List should have at least 1 item"),
        (
            "seeds = [0, 1]",
            "seeds = [0, 1, 0]",
            "profiles.cpu.seeds: seed 0 is named twice",
        ),
        ("seeds = [0, 1]", "sedes = [0, 1]", "profiles.cpu"),
        ("[variants.leo]", '[variants.leo]\nset = "x"', "variants.leo.set should be a valid dictionary"),
        ("[variants.leo]", "[variants.leo]\nrefernce = true", "'variants.leo.refernce'; did you mean 'reference'"),
        ('baseline = "leo"', 'baseline = "leo"\nmargin = "x"', "margin should be a valid number"),
        ('question = "Q?"', "", "question is missing"),
        ('question = "Q?"', 'question = " "', "question: it is empty; write what is asked, in words"),
        ("slow = 1", "slow = 3", "cpu.fewer_seeds: slow gets 3 seeds, but the profile has 2; name fewer"),
        (
            "latent_dim = 8 }",
            "latent_dim = 64 }",
            "'small' has the settings of 'leo', which it is compared with; change",
        ),
        (
            "latent_dim = 8 }",
            'latent_dim = 512 }\n[variants.again]\nextends = "small"\nagainst = "slow"',
            "variant 'again' has the settings of 'slow'",
        ),
    ],
)
def test_mistakes_in_a_study_file_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(LeoBenchError, match=message) as error:
        make_plan(write(tmp_path, TEXT.replace(old, new)), "s", "cpu", SOURCE)
    assert "\n" not in str(error.value)


def test_unknown_study_profile_and_variant_are_named_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(LeoBenchError, match="there are: s"):
        read_study(write(tmp_path), "t")
    with pytest.raises(LeoBenchError, match="no profile 'fast'; choose one of quick, cpu"):
        make_plan(tmp_path, "s", "fast", SOURCE)
    with pytest.raises(LeoBenchError, match="did you mean 'small'"):
        make_plan(tmp_path, "s", "quick", SOURCE, only=["smal"])


def test_a_range_of_too_many_seeds_is_refused_before_it_is_expanded() -> None:
    with pytest.raises(LeoBenchError, match=r"0-99999999999 has more than 1000 seeds; name fewer"):
        parse_seeds("0-99999999999")
    with pytest.raises(LeoBenchError, match="expected numbers and ranges"):
        parse_seeds("9" * 5000)


@pytest.mark.parametrize(("text", "seeds"), [("3", [3]), ("0-2", [0, 1, 2]), ("5,0-1,7", [5, 0, 1, 7])])
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "4-2", "1,,2", "-1", "3-", "0-,2", "0-1-2"])
def test_seeds_that_are_none(text: str) -> None:
    with pytest.raises(LeoBenchError, match="such as 0-4"):
        parse_seeds(text)


def test_a_part_study_is_compared_with_the_baseline_and_may_have_any_seeds(tmp_path: Path) -> None:
    part = make_plan(write(tmp_path), "s", "cpu", SOURCE, seeds=[7, 8], only=["slow"])
    assert [(run.variant, run.seed) for run in part.runs] == [("leo", 7), ("slow", 7), ("leo", 8), ("slow", 8)]


def test_plans_merge_where_the_study_file_still_gives_the_same_runs(tmp_path: Path) -> None:
    whole = make_plan(write(tmp_path), "s", "cpu", SOURCE)
    part = make_plan(tmp_path, "s", "cpu", SOURCE, seeds=[7], only=["none"])
    merged = merge_plan(whole, part, present_keys(tmp_path, whole, SOURCE, "cpu"))
    assert {run.run_key for run in merged.runs} == {run.run_key for run in [*whole.runs, *part.runs]}
    assert merged.switches["latent_dim"] == whole.switches["latent_dim"]
    assert merged.references == ["pixels"]
    # the file changes: small becomes another run, slow is gone
    write(
        tmp_path,
        TEXT.replace("latent_dim = 8 ", "latent_dim = 9 ")
        .replace("[variants.slow]", "[variants.slower]")
        .replace("slow = 1", "slower = 1"),
    )
    changed = merge_plan(whole, part, present_keys(tmp_path, whole, SOURCE, "cpu"))
    assert {run.variant for run in changed.runs} == {"leo", "none", "pixels"}
    assert changed.switches == {"relation": ["leo", "none"]}


def test_a_variant_that_left_the_file_goes_though_another_one_has_its_training(tmp_path: Path) -> None:
    """Variants that differ in their tests alone share the run and its key."""
    text = TEXT + "\n[variants.no_steps]\nset = { test_inner_steps = 0 }\n"
    whole = make_plan(write(tmp_path, text), "s", "cpu", SOURCE)
    by_variant = {run.variant: run.run_key for run in whole.runs if run.seed == 0}
    assert by_variant["no_steps"] == by_variant["leo"]
    part = make_plan(write(tmp_path), "s", "cpu", SOURCE, only=["none"])
    merged = merge_plan(whole, part, present_keys(tmp_path, whole, SOURCE, "cpu"))
    assert {run.variant for run in merged.runs} == {run.variant for run in whole.runs} - {"no_steps"}


def test_plans_of_different_data_do_not_merge(tmp_path: Path) -> None:
    glyphs = DataSource("glyphs", "drawn", None)
    whole = make_plan(write(tmp_path), "s", "cpu", SOURCE)
    part = make_plan(tmp_path, "s", "cpu", glyphs, only=["none"])
    merged = merge_plan(whole, part, present_keys(tmp_path, whole, glyphs, "cpu"))
    assert {run.settings["dataset"] for run in merged.runs} == {"glyphs"}


def test_steps_are_drawn_in_the_order_of_the_file_wherever_the_baseline_stands() -> None:
    plan = make_plan(STUDIES, "waterfall", "cpu", SOURCE)
    steps = ["documented", "by_class", "linear", "prototypes", "one_cycle", "ways_20", "single"]
    steps += ["ways_40", "padded", "prototype_start"]
    assert plan.switches["step"] == steps
    settings = {run.variant: run.settings for run in plan.runs}
    changed = [
        {name for name, value in settings[after].items() if value != settings[before][name]}
        for before, after in itertools.pairwise(steps)
    ]
    # Each step keeps what the others before it have changed: none changes a setting twice but the episodes' shape.
    again = {"train_n_way", "n_train_episodes"}
    for one, other in itertools.combinations(changed, 2):
        assert one & other <= again
    images = {name: make_settings(settings[name]).n_train_images for name in steps}
    assert set(images.values()) == {160_000}


@pytest.mark.parametrize("only", [["padded"], ["by_class", "single"], ["documented"], ["minus_protonet"]])
def test_a_call_for_some_steps_leaves_their_order(only: list[str]) -> None:
    whole = make_plan(STUDIES, "waterfall", "cpu", SOURCE)
    keys = {(run.variant, run.run_key) for run in whole.runs}
    part = make_plan(STUDIES, "waterfall", "cpu", SOURCE, only=only)
    assert merge_plan(whole, part, keys).switches == whole.switches
    again = merge_plan(part, whole, keys)
    assert again.switches == whole.switches


def test_orders_of_two_parts_of_a_list_are_kept() -> None:
    assert in_both_orders(["a", "d"], ["a", "b", "c", "d"]) == ["a", "b", "c", "d"]
    assert in_both_orders(["a", "c", "d"], ["c", "b"]) == ["a", "c", "b", "d"]
    assert in_both_orders([], ["b", "a"]) == ["b", "a"]
    assert in_both_orders(["b", "c"], ["a"]) == ["a", "b", "c"]


def test_every_profile_of_every_committed_study_expands() -> None:
    for name in study_names(STUDIES):
        for profile in read_study(STUDIES, name).profiles:
            plan = make_plan(STUDIES, name, profile, SOURCE)
            keys = [make_settings(run.settings).canonical() for run in plan.runs]
            keys = [json.dumps(key, sort_keys=True) for key in keys]
            assert len(set(keys)) == len(keys), f"{name} {profile}: two variants are the same run"


def test_smoke_is_small() -> None:
    plan = make_plan(STUDIES, "ablations", "smoke", SOURCE)
    assert len(plan.runs) <= 10
    assert max(run.settings["n_train_episodes"] for run in plan.runs) <= 60


def test_cost_grows_with_what_is_trained_and_generated(tmp_path: Path) -> None:
    base = make_plan(write(tmp_path), "s", "quick", SOURCE).runs[0].settings
    assert cost({**base, "n_train_episodes": 4000}) > cost(base)
    assert cost({**base, "image_size": 105}) > 10 * cost(base)
    assert cost({**base, "inner_examples": "shifted"}) > cost(base)
    older = {name: value for name, value in base.items() if name not in ("padding", "test_k_shots")}
    assert cost(older) == cost(base)  # of a plan from before there were these settings
    assert cost({**base, "test_datasets": ["digits"]}) > cost(base)
    assert cost({**base, "generated": "full"}) > 2 * cost(base)
    # the work on an image grows with the channels of the CNN: a quarter of them is a quarter of it
    narrow = {**base, "width": base["width"] // 4}
    fixed = training_cost({**base, "n_train_episodes": 0})
    assert training_cost(narrow) - fixed == pytest.approx((training_cost(base) - fixed) / 4)
    # 5 support and 75 query images: an inner step passes the 5, at 8 times the cost of an image in second order
    plain = training_cost({**base, "learner": "protonet"}) - 8
    maml = {**base, "learner": "maml", "inner_steps": 4}
    assert training_cost(maml) - 8 == pytest.approx(plain * (1.6 + 8 * 4 * 5 / 80))
    assert training_cost({**maml, "second_order": False}) - 8 == pytest.approx(plain * (1.6 + 2 * 4 * 5 / 80))
    assert training_cost({**base, "learner": "reptile"}) - 8 == pytest.approx(plain * 1.8)
    assert training_cost({**base, "learner": "anil"}) - 8 == pytest.approx(plain)
    assert scoring_cost(maml) > 2 * scoring_cost({**base, "learner": "protonet"})


def test_a_profiles_setting_beats_the_studys_and_a_variants_beats_both(tmp_path: Path) -> None:
    text = TEXT.replace("[profiles.cpu]", "settings = { image_size = 32, latent_dim = 16 }\n[profiles.cpu]")
    runs = {run.variant: run.settings for run in make_plan(write(tmp_path, text), "s", "quick", SOURCE).runs}
    assert {settings["image_size"] for settings in runs.values()} == {32}  # the study has 28
    assert (runs["leo"]["latent_dim"], runs["small"]["latent_dim"]) == (16, 8)
    assert make_plan(tmp_path, "s", "cpu", SOURCE).runs[0].settings["image_size"] == 28


def test_runs_that_differ_in_tests_alone_are_trained_once(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "s", "quick", SOURCE)
    run = plan.runs[0]
    settings = {**run.settings, "test_inner_steps": 50}
    scored_twice = [run, replaced(run, settings)]
    assert scored_twice[1].run_key == run.run_key
    assert cost_of_all(scored_twice) == pytest.approx(2 * cost(run.settings) - training_cost(run.settings))
    assert shared_words(scored_twice) == " with 1 training, as some differ in their tests alone"
    assert shared_words([run]) == ""
    longer = replaced(run, {**run.settings, "n_train_episodes": 4000})
    assert cost_of_all([run, longer]) == pytest.approx(cost(run.settings) + cost(longer.settings))
    assert 0 < training_cost(run.settings) < cost(run.settings)


def replaced(run: PlannedRun, settings: dict[str, Any]) -> PlannedRun:
    return run.model_copy(update={"settings": settings, "run_key": make_settings(settings).run_key})


def test_plan_words_name_the_work(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "s", "cpu", SOURCE)
    text = plan_words(plan, tmp_path, jobs=2)
    assert "9: 5 variants, seeds 0, 1; 0 done, 9 to do" in text


def test_a_plan_counts_published_runs_if_they_are_to_be_used(tmp_path: Path) -> None:
    base = {"inner_steps": 1, "test_n_ways": (5,), "test_modes": ("mixed",)}
    plan = results_fixture.make_plan({"leo": {}, "short": {"latent_dim": 16}}, [0], base=base)
    folder = tmp_path / "official" / "runs" / plan.runs[0].run_key
    results_fixture.write_run(tmp_path, plan, plan.runs[0], lambda *_: np.full((12, 2), 40), folder=folder)
    assert "2 variants, seeds 0; 0 done, 2 to do" in plan_words(plan, tmp_path, jobs=1)
    assert "2 variants, seeds 0; 1 done, 1 to do" in plan_words(plan, tmp_path, jobs=1, use_published=True)


def test_precision_is_the_commands_where_no_variant_says_otherwise(tmp_path: Path) -> None:
    text = (
        TEXT
        + """
[variants.full]
set = { generated = "full" }
[variants.own]
set = { precision = "float32", latent_dim = 4 }
"""
    )
    plain = make_plan(write(tmp_path, text), "s", "quick", SOURCE)
    assert {run.settings["precision"] for run in plain.runs} == {"float32"}
    asked = make_plan(tmp_path, "s", "quick", SOURCE, precision="bfloat16")
    found = {run.variant: run.settings["precision"] for run in asked.runs}
    # a generated CNN cannot take it, and a variant's own value wins
    assert found == {**dict.fromkeys(found, "bfloat16"), "full": "float32", "own": "float32"}


def test_every_run_of_a_plan_names_the_source_of_its_learner(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "s", "quick", SOURCE)
    found = {run.settings["learner"]: run.numerics for run in plan.runs}
    assert found == {name: numerics_digest(name, "omniglot") for name in ("leo", "pixels")}
    assert found["leo"] != found["pixels"]


def test_duration() -> None:
    assert [duration(s) for s in (40, 600, 5400)] == ["40 s", "10 min", "1 h 30 min"]


def test_fitting_a_logistic_regression_to_each_support_set_takes_time() -> None:
    # 1,000 episodes of 5 images and as many of 20, mixed and within an alphabet: 50,000 images of 0.2 ms.
    settings = make_settings({}, "leo").canonical()
    longer = scoring_cost({**settings, "test_head": "logistic_regression"}) - scoring_cost(settings)
    assert longer == pytest.approx(10)


def test_variants_in_turn_give_the_first_comparisons_all_their_seeds(tmp_path: Path) -> None:
    by_seed = make_plan(write(tmp_path), "s", "cpu", SOURCE)
    text = TEXT.replace("[profiles.cpu]", '[profiles.cpu]\norder = "variants"')
    by_variant = make_plan(write(tmp_path, text), "s", "cpu", SOURCE)
    pairs = [(run.variant, run.seed) for run in by_variant.runs]
    assert sorted(pairs) == sorted((run.variant, run.seed) for run in by_seed.runs)
    assert [seed for _, seed in pairs[:2]] == [0, 1] and pairs[0][0] == pairs[1][0] == by_variant.baseline
    assert len({variant for variant, _ in [(run.variant, run.seed) for run in by_seed.runs][:2]}) == 2


@pytest.mark.parametrize("name", ["compare", "claims", "ablations", "generated"])
def test_bfloat16_is_for_the_variants_that_allow_it(name: str) -> None:
    """A preset can name a learner or a generated CNN that does not."""
    runs = make_plan(STUDIES, name, "cpu", SOURCE, seeds=[0], precision="bfloat16").runs
    for run in runs:
        own_cnn = run.settings["generated"] == "full" or LEARNERS[run.settings["learner"]].adapted == "cnn"
        assert run.settings["precision"] == ("float32" if own_cnn else "bfloat16")
    assert len({run.settings["precision"] for run in runs}) == 2


def test_a_mistyped_learner_is_one_line_in_bfloat16_too(tmp_path: Path) -> None:
    text = TEXT.replace('learner = "pixels"', 'learner = "pixel"')
    with pytest.raises(LeoBenchError, match="learner"):
        make_plan(write(tmp_path, text), "s", "quick", SOURCE, precision="bfloat16")
