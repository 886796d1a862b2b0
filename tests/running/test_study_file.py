"""Variants that start from others (`extends`) or are compared with others (`against`); the page on study files."""

import re
from pathlib import Path

import pandas as pd
import pytest

from leo_bench.commands.cli import main
from leo_bench.config import PRESETS, make_settings
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError
from leo_bench.records import StudyView
from leo_bench.running.plan import make_plan, merge_plan
from leo_bench.running.study_file import Profile, StudyFile, Variant, read_study, resolved, study_names
from leo_bench.statistics.studies.study import StudyData

SOURCE = DataSource("omniglot", "zips", None)
STUDIES = Path(__file__).parents[2] / "studies"
PAGE = Path(__file__).parents[2] / "docs" / "studies.md"

CHAIN = """
question = "Q?"
baseline = "first"
preset = "documented"
[settings]
image_size = 28
[profiles.quick]
seeds = [0]
[profiles.short]
seeds = [0]
variants = ["first", "second"]
[variants.first]
set = { latent_dim = 8, inner_steps = 1 }
[variants.second]
extends = "first"
set = { inner_steps = 2, width = 16 }
[variants.third]
extends = "second"
against = "second"
switch = "step"
label = "the third"
reference = true
set = { width = 32 }
"""


def write(folder: Path, text: str) -> Path:
    (folder / "s.toml").write_text(text)
    return folder


def test_a_variant_has_the_settings_of_those_it_extends_with_its_own_on_top(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, CHAIN), "s")
    assert resolved(study, "first") == ("documented", {"latent_dim": 8, "inner_steps": 1})
    assert resolved(study, "second") == ("documented", {"latent_dim": 8, "inner_steps": 2, "width": 16})
    assert resolved(study, "third") == ("documented", {"latent_dim": 8, "inner_steps": 2, "width": 32})


def test_label_switch_reference_and_against_are_not_inherited(tmp_path: Path) -> None:
    text = CHAIN + '[variants.fourth]\nextends = "third"\nset = { width = 48 }\n'
    plan = make_plan(write(tmp_path, text), "s", "quick", SOURCE)
    assert plan.labels["fourth"] == "fourth"
    assert plan.references == ["third"]
    assert plan.against == {"third": "second"}
    # By value: width is 48 in `fourth` and 64, the default, in the baseline.
    assert plan.switches == {"inner_steps": ["first", "second"], "width": ["fourth", "first"]}


def test_own_settings_choose_the_switch_before_inherited_ones(tmp_path: Path) -> None:
    # `second` sets inner_steps first. `last` inherits it, but its own first change is the relation network.
    text = CHAIN + '[variants.last]\nextends = "second"\nset = { relation = "none" }\n'
    plan = make_plan(write(tmp_path, text), "s", "quick", SOURCE)
    assert plan.switches["relation"] == ["first", "last"]
    assert plan.switches["inner_steps"] == ["first", "second"]


def test_a_preset_of_its_own_replaces_the_inherited_preset_and_keeps_the_inherited_settings(tmp_path: Path) -> None:
    text = CHAIN + '[variants.other]\nextends = "second"\npreset = "leo"\nset = { latent_dim = 9 }\n'
    study = read_study(write(tmp_path, text), "s")
    assert resolved(study, "other") == ("leo", {"latent_dim": 9, "inner_steps": 2, "width": 16})
    run = next(run for run in make_plan(tmp_path, "s", "quick", SOURCE).runs if run.variant == "other")
    # decode: the preset's. image_size: the study's. inner_steps, width: those of `second`. latent_dim: its own.
    expected = {"decode": "class", "image_size": 28, "inner_steps": 2, "width": 16, "latent_dim": 9}
    assert {name: run.settings[name] for name in expected} == expected
    assert run.run_key == make_settings(expected).run_key


def test_an_inherited_preset_is_that_of_the_extended_variant_and_not_the_studys(tmp_path: Path) -> None:
    text = CHAIN + '[variants.tuned]\npreset = "tuned"\n[variants.minus]\nextends = "tuned"\nset = { padding = 0 }\n'
    assert resolved(read_study(write(tmp_path, text), "s"), "minus") == ("tuned", {"padding": 0})


def test_settings_of_the_profile_stand_above_the_presets_and_below_the_variants(tmp_path: Path) -> None:
    text = CHAIN.replace("[profiles.short]\nseeds = [0]", "[profiles.short]\nseeds = [0]\nsettings = { width = 64 }")
    text = text.replace("image_size = 28", "image_size = 28\nwidth = 48\nlatent_dim = 5")
    first, second = make_plan(write(tmp_path, text), "s", "short", SOURCE).runs
    # width: 64 by default, 48 by the study, 64 by the profile, 16 by `second`. latent_dim: `first` sets 8.
    assert (first.settings["width"], second.settings["width"]) == (64, 16)
    assert (first.settings["latent_dim"], second.settings["latent_dim"]) == (8, 8)


def test_a_part_of_a_study_keeps_what_each_variant_is_compared_with(tmp_path: Path) -> None:
    """`--only third` asks for no run of `second`, whose runs may be there from another call."""
    write(tmp_path, CHAIN)
    whole = make_plan(tmp_path, "s", "quick", SOURCE)
    part = make_plan(tmp_path, "s", "quick", SOURCE, only=["third"])
    assert whole.against == part.against == {"third": "second"}
    merged = merge_plan(whole, part, {(run.variant, run.run_key) for run in whole.runs})
    assert merged.against == {"third": "second"}
    alone = make_plan(write(tmp_path, CHAIN.replace('against = "second"\n', "")), "s", "quick", SOURCE, only=["third"])
    assert merge_plan(whole, alone, {(run.variant, run.run_key) for run in whole.runs}).against == {}
    frame = pd.DataFrame()
    for plan, other in ((merged, "second"), (part, "first")):
        data = StudyData(StudyView(plan, Path("s"), [], []), frame, [])
        assert data.compared_with("third") == other


def test_a_part_of_a_study_keeps_labels_and_loses_what_the_file_has_no_more(tmp_path: Path) -> None:
    text = CHAIN.replace('against = "second"', 'against = "second"\nequal = "time"')
    whole = make_plan(write(tmp_path, text), "s", "quick", SOURCE)
    assert (whole.equal_time, whole.references) == (["third"], ["third"])
    text = CHAIN.replace("reference = true\n", "")
    part = make_plan(write(tmp_path, text), "s", "quick", SOURCE, only=["second"])
    again = merge_plan(whole, part, {(run.variant, run.run_key) for run in whole.runs})
    assert "third" in {run.variant for run in again.runs}
    assert (again.equal_time, again.references) == ([], [])
    alone = merge_plan(part, part, set())  # no run of `third` is there
    assert alone.labels == part.labels and "third" in alone.labels


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('extends = "first"', 'extends = "frist"', "variants.second.extends: unknown variant 'frist'; .*'first'"),
        ('against = "second"', 'against = "secnd"', "variants.third.against: unknown variant 'secnd'; .*'second'"),
        ('against = "second"', 'against = "third"', "variants.third.against: a variant cannot be compared with itself"),
        (
            "[variants.first]",
            '[variants.first]\nagainst = "second"',
            "variants.first.against: the baseline is compared",
        ),
        ("[variants.first]", '[variants.first]\nextends = "first"', "variants.first.extends: first -> first "),
        (
            "[variants.first]",
            '[variants.first]\nextends = "third"',
            "variants.first.extends: first -> third -> second -> first goes in a circle",
        ),
        ('extends = "first"', 'extend = "first"', "unknown key 'variants.second.extend'; did you mean 'extends'"),
        (
            'switch = "step"',
            'switch = "step"\n[variants.fourth]\nlabel = "the third"\n[variants.fifth]',
            "is the label of 'fou",
        ),
        ('extends = "first"', "extends = 1", "variants.second.extends should be a valid string"),
    ],
)
def test_wrong_links_between_variants_are_refused_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CHAIN
    with pytest.raises(LeoBenchError, match=message) as error:
        read_study(write(tmp_path, CHAIN.replace(old, new)), "s")
    assert "\n" not in str(error.value)


def test_the_steps_of_the_waterfall_end_at_the_preset_prototype_start() -> None:
    study = read_study(STUDIES, "waterfall")
    preset, values = resolved(study, "padded")
    assert {**PRESETS[preset], **values, "train_support": "each"} == PRESETS["prototype_start"]
    assert resolved(study, "prototype_start") == ("prototype_start", {})


def test_the_whole_cnn_is_compared_with_the_head_of_the_same_width() -> None:
    runs = {run.variant: run.settings for run in make_plan(STUDIES, "generated", "cpu", SOURCE).runs}
    against = make_plan(STUDIES, "generated", "cpu", SOURCE).against
    assert against == {"full_32": "head_32", "full_16": "head_16"}
    for variant, other in [*against.items(), ("full_64", "head_64")]:
        changed = {name for name in runs[variant] if runs[variant][name] != runs[other][name]}
        assert changed == {"generated", "test_n_ways", "test_modes"}


def test_the_example_of_the_docs_is_a_study_with_the_runs_and_switches_that_they_name(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    write(tmp_path, example)
    cpu, smoke = (make_plan(tmp_path, "s", profile, SOURCE) for profile in ("cpu", "smoke"))
    assert (len(cpu.runs), len(smoke.runs)) == (13, 5)  # four variants of 3 seeds and one of 1; five of 1
    assert cpu.switches == {"latent_dim": ["d8", "d64", "d256"], "relation_residual": ["d64", "d256_residual"]}
    assert cpu.against == {"d256_residual": "d256"}
    assert cpu.references == ["pixels"]


def test_the_docs_list_every_option_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["study", "--help"])
    options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out.split("options:")[1])) - {"--help"}
    assert {"--shard", "--ray", "--max-seeds"} <= options
    table = PAGE.read_text().split("## Options of `leo-bench study`")[1].split("\n## ")[0]
    assert options <= set(
        re.findall(r"--[a-z][a-z-]+", "".join(line for line in table.splitlines() if line[:1] == "|"))
    )


def test_the_docs_list_every_study_and_every_key_of_a_study_file() -> None:
    text = PAGE.read_text()
    keys = {*StudyFile.model_fields, *Profile.model_fields, *Variant.model_fields}
    listed = set(re.findall(r"`\[?([a-z_]+)(?:\.NAME)?\]?`", text))
    assert set(study_names(STUDIES)) | keys <= listed


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[profiles.short]", '[profiles."../x"]', "profiles: '../x' is no name; expected letters"),
        ("[profiles.short]", '[profiles."a-b"]', "profiles: 'a-b' is no name"),
        ("[variants.third]", '[variants."a/b"]', "variants: 'a/b' is no name"),
        ("[variants.third]", '[variants."; rm -rf x"]', "variants: '; rm -rf x' is no name"),
        ('switch = "step"', 'switch = "../step"', r"variants.third.switch: '../step' is no name"),
        ("image_size = 28", "image_size = 28\nseed = 3", "settings: seed is no setting of a study"),
        ("{ width = 32 }", "{ seed = 3 }", "variants.third.set: seed is no setting of a study; name seeds in profiles"),
    ],
)
def test_names_that_become_files_are_names_and_seeds_stand_in_one_place(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in CHAIN
    with pytest.raises(LeoBenchError, match=re.escape(words)) as raised:
        read_study(write(tmp_path, CHAIN.replace(old, new, 1)), "s")
    assert "\n" not in str(raised.value)


def test_a_study_cannot_share_the_folder_of_a_searchs_study_on_test(tmp_path: Path) -> None:
    (tmp_path / "deep.toml").write_text("[space]")
    (tmp_path / "deep_best.toml").write_text(CHAIN)
    with pytest.raises(LeoBenchError, match=r"measures the search deep on test has this name"):
        read_study(tmp_path, "deep_best")
    (tmp_path / "deep.toml").unlink()
    assert read_study(tmp_path, "deep_best").baseline == "first"


def test_two_processors_make_the_same_runs_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = write(tmp_path, CHAIN)
    keys = []
    for fast in (True, False):
        for module in ("leo_bench.config", "leo_bench.config.processor"):
            monkeypatch.setattr(f"{module}.bfloat16_is_fast", lambda fast=fast: fast)
        keys.append([run.run_key for run in make_plan(studies, "s", "quick", SOURCE, [0, 1]).runs])
    assert keys[0] == keys[1] and len(set(keys[0])) == 6
