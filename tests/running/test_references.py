"""Variants that a study takes from others by reference, and mistakes in its claims and tables."""

from pathlib import Path

import pytest

from leo_bench.config import training_key
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.running.plan import make_plan

SOURCE = DataSource("omniglot", "zips", None)

OTHER = """
question = "Q?"
baseline = "base"
preset = "documented"
[settings]
image_size = 28
[profiles.cpu]
seeds = [0, 1]
settings = { n_test_episodes = 30 }
variant_settings = { short = { n_val_episodes = 7 } }
[profiles.smoke]
seeds = [0]
settings = { n_train_episodes = 8 }
[variants.base]
[variants.short]
extends = "base"
label = "short codes"
set = { latent_dim = 8 }
"""

CLAIMS = """
question = "Which hold?"
baseline = "short"
[profiles.cpu]
seeds = [0]
settings = { n_test_episodes = 10 }
[profiles.official]
seeds = [0]
variants = ["short"]
settings = { n_test_episodes = 10 }
[variants.short]
of = "other"
[variants.long]
of = "other:base"
[variants.shorter]
extends = "short"
set = { latent_dim = 4 }
[claims.longer]
section = "Hyperparameters"
words = "longer codes are better"
rule = "Holds if better."
parts = [{ kind = "difference", variant = "long", against = "short", above = "margin" }]
[[tables]]
name = "lengths"
title = "Long against short"
section = "Comparison"
columns = { "Long" = "long", "Short" = "short" }
rows = [{ aspect = "Performance", quantity = "accuracy", said = { "Long" = "good" }, claims = { "Long" = "longer" } }]
"""


RATIO = 'kind = "difference", variant = "long", against = "short", above = "margin"'


def write(folder: Path, claims: str = CLAIMS) -> Path:
    (folder / "other.toml").write_text(OTHER)
    (folder / "claims.toml").write_text(claims)
    return folder


def test_settings_that_a_variant_has_at_one_profile_go_with_it(tmp_path: Path) -> None:
    own = {
        study: next(run for run in make_plan(write(tmp_path), study, "cpu", SOURCE).runs if run.variant == "short")
        for study in ("other", "claims")
    }
    assert own["claims"].settings["n_val_episodes"] == 7
    assert own["claims"].run_key == own["other"].run_key


def test_a_variant_by_reference_shares_the_runs_of_its_own_study(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "claims", "cpu", SOURCE)
    keys = {(run.variant, run.seed): run for run in make_plan(tmp_path, "other", "cpu", SOURCE).runs}
    found = {run.variant: run for run in plan.runs}
    assert found["short"].run_key == keys["short", 0].run_key
    assert found["long"].run_key == keys["base", 0].run_key
    assert found["short"].settings["n_test_episodes"] == 30, "the profile of the study that it is taken from"
    assert plan.labels["short"] == "short codes"


def test_a_variant_that_extends_one_by_reference_has_its_settings(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "claims", "cpu", SOURCE)
    (run,) = [run for run in plan.runs if run.variant == "shorter"]
    assert {name: run.settings[name] for name in ("latent_dim", "image_size", "n_test_episodes")} == {
        "latent_dim": 4,
        "image_size": 28,
        "n_test_episodes": 30,
    }


def test_settings_of_the_study_that_refers_leave_a_variant_by_reference_alone(tmp_path: Path) -> None:
    """Not even a setting that its own study leaves at the default: else the two would not share the run."""
    here = "[settings]\nwidth = 16\n[profiles.cpu]\nseeds = [0]\nsettings = { n_test_episodes = 10, outer_lr = 0.5 }"
    text = CLAIMS.replace("[profiles.cpu]\nseeds = [0]\nsettings = { n_test_episodes = 10 }", here)
    text = text.replace("[variants.long]", "[variants.own]\nset = { latent_dim = 16 }\n[variants.long]")
    found = {run.variant: run for run in make_plan(write(tmp_path, text), "claims", "cpu", SOURCE).runs}
    keys = {(run.variant, run.seed): run for run in make_plan(tmp_path, "other", "cpu", SOURCE).runs}
    assert found["short"].run_key == keys["short", 0].run_key
    for name, values in {"own": (16, 0.5), "short": (64, 0.001), "shorter": (64, 0.001)}.items():
        assert (found[name].settings["width"], found[name].settings["outer_lr"]) == values


def test_a_variant_that_extends_one_of_a_third_study_is_not_taken(tmp_path: Path) -> None:
    """Its settings are in three files; a reader of the study that refers would not find them."""
    third = CLAIMS.replace('[variants.short]\nof = "other"', '[variants.short]\nof = "claims:shorter"')
    (write(tmp_path) / "third.toml").write_text(third)
    with pytest.raises(LeoBenchError, match="shorter of claims is taken from other; write its settings here"):
        make_plan(tmp_path, "third", "cpu", SOURCE)


def test_where_the_other_study_lacks_the_profile_its_common_settings_are_taken(tmp_path: Path) -> None:
    (run,) = make_plan(write(tmp_path), "claims", "official", SOURCE).runs
    assert (run.settings["image_size"], run.settings["n_test_episodes"]) == (28, 10)


def test_the_plan_keeps_claims_tables_and_sources(tmp_path: Path) -> None:
    claims = make_plan(write(tmp_path), "claims", "official", SOURCE).claims
    assert claims is not None
    assert list(claims.claims) == ["longer"] and [table.name for table in claims.tables] == ["lengths"]
    long = claims.sources["long"]
    assert (long.study, long.variant, long.label) == ("other", "base", "base")
    (run,) = make_plan(tmp_path, "other", "cpu", SOURCE, seeds=[3], only=["base"], precision="bfloat16").runs
    (own,) = [run for run in make_plan(tmp_path, "claims", "cpu", SOURCE, seeds=[0]).runs if run.variant == "long"]
    claims = make_plan(tmp_path, "claims", "cpu", SOURCE).claims
    assert claims and claims.sources["long"].training == training_key(run.settings) == training_key(own.settings)
    assert make_plan(tmp_path, "other", "cpu", SOURCE).claims is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('of = "other"\n', 'of = "othr"\n', "no study 'othr' in .*did you mean 'other'"),
        ('of = "other:base"', 'of = "other:bas"', "variants.long.of: study other: unknown variant 'bas'; did you mean"),
        ('of = "other:base"', 'of = "other:base"\nset = { width = 16 }', "variants.long.of: .*leave out preset, set"),
        (
            'seeds = [0]\nvariants = ["short"]',
            "seeds = [0]\nvariant_settings = { short = { latent_dim = 4 } }",
            "profiles.official.variant_settings.short: the settings are those of other; leave it out",
        ),
        ('variant = "long"', 'variant = "lon"', "claims.longer: unknown variant 'lon'; did you mean 'long'"),
        ('kind = "difference"', 'kind = "diference"', "claims.longer.parts.0.kind should be 'level', 'difference'"),
        ('against = "short"', 'agains = "short"', "unknown key 'claims.longer.parts.0.agains'; did you mean 'against'"),
        (', against = "short"', "", "claims.longer.parts.0: difference needs against"),
        ('above = "margin"', 'above = "margn"', "claims.longer.parts.0.above.*"),
        (', above = "margin"', "", "claims.longer.parts.0: give it equals, or above, below or both"),
        (', above = "margin"', ", equals = 1", "claims.longer.parts.0: equals is for the kind count"),
        ('above = "margin"', 'above = 0, quantity = "acuracy"', "unknown quantity 'acuracy'; did you mean 'accuracy'"),
        (
            'above = "margin"',
            'above = 0, quantity = "measure:spectrum_to"',
            "unknown quantity 'measure:spectrum_to'; did you mean 'measure:spectrum_top'",
        ),
        ('above = "margin"', 'above = "margin", quantity = "adapt_ms"', "the margin is one of accuracy"),
        ('above = "margin"', 'above = 1.0, below = "margin", quantity = "adapt_ms"', "the margin is one of accuracy"),
        ('"difference", variant = "long", against = "short"', '"trend", variants = ["long"]', "at least two variants"),
        ('"difference"', '"ratio", quantity = "adapt_ms"', "the bound of a ratio is a number above 0"),
        (RATIO, RATIO.replace("difference", "ratio").replace('"margin"', '0, quantity = "adapt_ms"'), "above 0"),
        ('"difference"', '"ratio"', "a ratio is of another quantity than accuracy"),
        (
            '"difference", variant = "long", against = "short"',
            '"count", variant = "long"',
            "a count is of another quantity",
        ),
        ('above = "margin"', 'above = 0, quantity = "setting:decode"', "unknown quantity 'setting:decode'"),
        ('above = "margin"', 'above = 0, quantity = "error"', "error is for a ratio with more_than_on"),
        ('above = "margin"', 'above = 0, quantity = "adapt_ms", more_than_on = "5-way mixed"', "more_than_on is for"),
        ('"difference"', '"spread"', "a spread is of accuracy, and its bound is a number"),
        ('"difference"', '"level", quantity = "diverged"', "diverged is for a difference"),
        ('"difference"', '"level", quantity = "n_adapted", minus = "diverged"', "diverged is for a difference"),
        (
            'quantity = "accuracy"',
            'quantity = "diverged"',
            "row 'Performance': a cell shows a level or a count, and diverged",
        ),
        ('above = "margin"', 'above = 0.1, quantity = "diverged"', "the bound of diverged is above = 0 or below = 0"),
        ('above = "margin"', 'above = 0, below = 1, quantity = "diverged"', "the bound of diverged is above = 0 or"),
        ('"difference"', '"slope"', "slope needs along"),
        ('"difference"', '"slope", along = "measure:class_similarity"', "of a slope are measures"),
        ('above = "margin"', 'above = 0, along = "measure:class_similarity"', "along is for a slope"),
        ('above = "margin"', 'above = 0, tests = ["5-way"]', "unknown test '5-way'; expected one such as"),
        ("parts = [", 'not_measurable = "no"\nparts = [', "claims.longer: give it parts or not_measurable"),
        ('"Long" = "long"', '"Long" = "lng"', "tables.lengths: unknown variant 'lng'; did you mean 'long'"),
        ('claims = { "Long"', 'claims = { "Lon"', "tables.lengths, row 'Performance': unknown column 'Lon'"),
        ('"Long" = "longer"', '"Long" = "loner"', "row 'Performance': unknown claim 'loner'; did you mean 'longer'"),
    ],
)
def test_mistakes_are_named_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CLAIMS
    with pytest.raises(LeoBenchError, match=message) as error:
        make_plan(write(tmp_path, CLAIMS.replace(old, new, 1)), "claims", "cpu", SOURCE)
    assert "\n" not in str(error.value)


def test_a_plan_of_a_part_knows_what_its_profile_has(tmp_path: Path) -> None:
    plan = make_plan(write(tmp_path), "claims", "cpu", SOURCE, only=["long"])
    assert {run.variant for run in plan.runs} == {"short", "long"}
    assert plan.whole == {"short": [0], "long": [0], "shorter": [0]} and plan.labels["shorter"] == "shorter"


def test_a_reference_to_a_reference_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "third.toml").write_text(CLAIMS.replace('of = "other:base"', 'of = "claims:short"'))
    with pytest.raises(LeoBenchError, match="short of claims is taken from other; name that"):
        make_plan(tmp_path, "third", "cpu", SOURCE)
