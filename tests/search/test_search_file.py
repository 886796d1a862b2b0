"""Search files: read, checked, expanded; refused in one line that names what is wrong."""

from pathlib import Path

import pytest
from small_search import FILE

from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records.search import Parameter, Pruner, Sampler
from leo_bench.running.study_file import read_study, study_names
from leo_bench.search.file import make_search_plan, read_search_file, search_names, settings_of

SOURCE = DataSource("glyphs", "drawn", None)
STUDIES = Path(__file__).parents[2] / "studies"


def test_a_file_becomes_a_plan_with_its_profile_on_top(studies: Path) -> None:
    plan = make_search_plan(studies, "search", "smoke", SOURCE)
    assert plan.space == [
        Parameter(name="latent_dim", low=32, high=128, whole=True),
        Parameter(name="inner_lr", low=0.005, high=0.05, log=True),
        Parameter(name="relation", choices=["pairwise", "none"]),
    ]
    assert plan.n_trials == 4
    assert plan.sampler == Sampler(name="tpe", seed=0, startup_trials=2)
    assert plan.pruner == Pruner(startup_trials=5, warmup_episodes=500)
    assert plan.base["val_every"] == 250
    assert plan.test["val_every"] == 500  # [trial] is of trials alone
    assert plan.base["n_train_episodes"] == plan.test["n_train_episodes"] == 40
    assert plan.base["decode"] == "class"  # the preset leo
    assert (plan.base["test_split"], plan.test["test_split"]) == ("val", "test")
    other = make_search_plan(studies, "search", "cpu", SOURCE, n_trials=7, seed=3)
    assert (other.n_trials, other.sampler.seed, other.sampler.startup_trials) == (7, 3, 10)


def test_a_trial_is_the_base_with_what_is_proposed(studies: Path) -> None:
    plan = make_search_plan(studies, "search", "cpu", SOURCE)
    settings = settings_of(plan, {"latent_dim": 40, "relation": "none"})
    assert (settings.latent_dim, settings.relation, settings.test_split) == (40, "none", "val")
    assert settings.image_size == 28


def test_searches_and_studies_are_told_apart(studies: Path) -> None:
    (studies / "plain.toml").write_text((STUDIES / "paper.toml").read_text())
    assert search_names(studies) == ["search"]
    assert study_names(studies) == ["plain"]
    with pytest.raises(LeoBenchError, match=r"search is a search, not a study.*make search"):
        read_study(studies, "search")
    with pytest.raises(LeoBenchError, match=r"plain is a study, not a search.*make study STUDY=plain"):
        read_search_file(studies, "plain")
    with pytest.raises(LeoBenchError, match=r"no search 'sarch'.*did you mean 'search'"):
        read_search_file(studies, "sarch")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[space]", "[spaec]", "is a study, not a search"),
        ("latent_dim =", "latent_dmi =", "space.latent_dmi: unknown setting; did you mean 'latent_dim'"),
        ("{ low = 32, high", "{ low = 32, hihg", "'space.latent_dim.hihg'; did you mean 'high'"),
        ("low = 32, high = 128", "low = 128, high = 32", "expected low and high, low smaller than high"),
        ("low = 32, high = 128", "low = 0, high = 128", "greater than or equal to 1"),
        ("low = 32, high = 128", "low = 32.5, high = 128", "latent_dim is a whole number"),
        ("low = 0.005", "low = 0", "low above 0"),
        ('["pairwise", "none"]', '["pairwise", "nearby"]', "'nearby'"),
        ('["pairwise", "none"]', '["pairwise", "pairwise"]', "one is named twice"),
        ('["pairwise", "none"]', '["pairwise"]', "at least 2 items"),
        ("relation = { choices", "relation = { low = 1, choices", "expected low and high, or choices, not both"),
        ("latent_dim =", "n_train_episodes =", "n_train_episodes is part of the measurement or the budget"),
        ("startup_trials = 10", "startup_trails = 10", "'sampler.startup_trails'; did you mean 'startup_trials'"),
        ("startup_trials = 10", 'name = "grid"', "sampler.name should be 'tpe' or 'random'"),
         ("latent_dim =", "n_way =", "n_way is part of the measurement"),
        ("test_seeds = [100]", "test_seeds = [100, 100]", "expected each once, and not the trials' seed 0"),
        ("test_seeds = [100]", "test_seeds = [0]", "expected each once, and not the trials' seed 0"),
        ("n_trials = 4", "n_trials = 0", "profiles.smoke.n_trials"),
        ("n_trials = 4", "n_trials = 4\njobs = 2", "unknown key 'profiles.smoke.jobs'"),
        ("question", 'objectives = ["multiply_adds"]\nquestion', "expected accuracy, or accuracy and multiply_adds"),
        ("question", 'objectives = ["accuracy", "multiply_adds"]\nquestion', "with two objectives does not prune"),
        ("image_size = 28", "image_sise = 28", "unknown setting 'image_sise'; did you mean 'image_size'"),
        ("[profiles.smoke]", "[profiles.smoke", "not valid TOML"),
    ],
)  # fmt: skip
def test_what_does_not_belong_is_refused_in_one_line(studies: Path, old: str, new: str, words: str) -> None:
    assert old in FILE
    (studies / "search.toml").write_text(FILE.replace(old, new, 1))
    with pytest.raises(LeoBenchError) as caught:
        make_search_plan(studies, "search", "smoke", SOURCE)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_profile_is_refused(studies: Path) -> None:
    with pytest.raises(LeoBenchError, match="no profile 'cup'; it has smoke, cpu"):
        make_search_plan(studies, "search", "cup", SOURCE)


@pytest.mark.parametrize("name", search_names(STUDIES))
def test_the_searches_of_the_project_can_be_planned_at_every_profile(name: str) -> None:
    for profile in read_search_file(STUDIES, name).profiles:
        plan = make_search_plan(STUDIES, name, profile, SOURCE)
        assert not set(plan.test_seeds) & {plan.base["seed"]}
        assert profile in ("smoke", "quick") or len(plan.test_seeds) >= 5


def test_the_documented_ranges_are_searched() -> None:
    space = {parameter.name: parameter for parameter in make_search_plan(STUDIES, "search", "cpu", SOURCE).space}
    assert {name: (p.low, p.high, p.log, p.whole) for name, p in space.items()} == {
        "latent_dim": (32, 128, False, True),
        "inner_lr": (0.005, 0.05, True, False),
        "outer_lr": (0.0001, 0.01, True, False),
        "inner_steps": (3, 10, False, True),
    }


def test_a_plan_from_before_a_setting_existed_goes_on_if_the_setting_is_at_its_default() -> None:
    plan = make_search_plan(STUDIES, "search", "cpu", SOURCE)
    older = plan.model_copy(update={"base": {name: v for name, v in plan.base.items() if name != "head_start"}})
    assert plan.base["head_start"] == "decoded"
    assert older.identity == plan.identity
    other = plan.model_copy(update={"base": {**plan.base, "head_start": "prototype"}})
    assert other.identity != plan.identity
