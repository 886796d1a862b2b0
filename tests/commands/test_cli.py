"""The command line: right commands, and wrong input answered in one clear line."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from results_fixture import make_plan, write_attempt, write_run, write_study

from leo_bench.commands import report
from leo_bench.commands.cli import main
from leo_bench.commands.run import parse_settings
from leo_bench.data.locate import GLYPHS
from leo_bench.errors import LeoBenchError


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the line on stderr of a command, which must be the only one, with exit code 2."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("error: ")
    return lines[0]


OWN = ("--studies", str(Path(__file__).parents[2] / "studies"), "--dataset", "glyphs")
"""Options for the study files of the repository, on drawings that need no data set."""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--describe", "--set", "relatoin=none"), "did you mean 'relation'"),
        (("run", "--describe", "--set", "latent_dim=wide"), "latent_dim should be a valid integer"),
        (("run", "--describe", "--set", "latent_dim=0"), "greater than or equal to 1"),
        (("run", "--describe", "--set", "k_shot=6"), "k_shot + n_query is 6 + 15, but a character has 20 drawings"),
        (("run", "--describe", "--set", "latent_dim"), "expected NAME=VALUE"),
        (
            ("run", "--describe", "--preset", "tunned"),
            "unknown preset 'tunned'; did you mean 'tuned'? There are documented",
        ),
        (("run", "--key", "0123"), "no run '0123'"),
        (("run", "--key", "0123", "--seed", "1"), "--key uses the recorded settings unchanged"),
        (("study", "ablations", "--studies", "nowhere"), "/nowhere is not a folder; name the one that holds"),
        (("study", "ablations", "--seeds", "x"), "such as 0-4"),
        (("data", "--dataset", "omniglot", "--data", "nowhere"), "nowhere"),
        (("data", "--data", "nowhere"), "nowhere"),
        (("status",), "/results/; name another folder (--results), or run one first"),
        (("report",), "/results/; name another folder (--results), or run one first"),
        (("report", "results/none"), "no study or search 'results/none' in "),
        (("report", "ablations-quick"), "no study or search 'ablations-quick' in "),
        (("reproduce", "none"), "none is no folder; name that of a study or search"),
        (("search", *OWN, "--seed", "-1", "--plan"), "--seed must be a whole number from 0 to 4294967295, got -1"),
        (("search", *OWN, "--seed", "4294967296", "--plan"), "from 0 to 4294967295, got 4294967296"),
        (("run", "--describe", "--set", 'transductive="yes"'), "transductive should be true or false (got 'yes')"),
        (("study", "ablations", *OWN, "--profile", "smoke", "--reports", "/proc/x"), "cannot make the folder /proc/x"),
        (("examples", "0123"), "no run '0123' in /"),
        (("reproduce",), "/results/; name another folder (--results), or run one first"),
        (("dashboard",), "no study or search in results/; run one first: make ablations, or make search"),
        (("dashboard", "--port", "70000"), "--port must be 1 to 65535"),
        (("publish", "ablations"), "results/ablations-quick/ is missing; run it first, with the profile to publish: "),
        (("run", "--describe", "--set", "=3"), "--set =3: expected NAME=VALUE"),
        (("run", "--describe", "--set", "latent_dim="), "--set latent_dim=: expected NAME=VALUE"),
        (("run", "--describe", "--preset", "none.toml"), "preset none.toml cannot be read: No such file"),
        (("run", "--describe", "--set", "test_n_ways=5"), "test_n_ways should be a list such as [5] (got 5)"),
        (("run", "--describe", "--set", "test_n_ways=[1"), "test_n_ways should be a list such as [1, 5] (got '[1')"),
        (("study", "ablations", "--seeds", ""), "such as 0-4"),
        (("study", "ablations", "--seeds", "3-1"), "write the smaller number first"),
        (("data", "--dataset", "glyphs", "--sheets", "/dev/null/x"), "cannot make the folder /dev/null/x"),
        (("run", "--seed", "2", "--set", "seed=1"), "--seed 2 and --set seed=1 contradict each other; leave one out"),
        (
            ("run", "--dataset", "omniglot", "--set", "dataset=glyphs"),
            "--dataset omniglot and --set (dataset = 'glyphs') contradict each other; leave one out",
        ),
        (("run", "--key", "0" * 16, "--dataset", "glyphs"), "--key uses the recorded settings unchanged, so --datas"),
        (("run", "--key", "../runs/" + "0" * 16), "no run '../runs/0000000000000000'"),
        (("run", "--key", "*"), "no run '*'"),
        (("score", "../x"), "no run '../x'"),
        (("examples", "a/b"), "no run 'a/b'"),
        (("reproduce", "--key", "../x"), "no done run '../x'"),
        (("reproduce", "--key", "0" * 16, "-n", "2"), "--key names one run, so -n would be ignored"),
        (("study", "a", "--seeds", "0,0-1"), "seed 0 is named twice; name each seed once"),
        (("study", "a", "--seeds", "3,1-0"), "1-0 is an empty range; write the smaller number first"),
        (
            ("data", "--dataset", "glyphs", "--data", "x"),
            "is glyphs, which has no files; leave --data out",
        ),
        (("search", "s", "--emit-preset", "f.toml", "--trials", "3"), "so --trials would be ignored; leave out one"),
        (("bench", "--publish", "--only", "28x28"), "--publish copies all timings, so --only would be ignored"),
        (("publish", "../results/a"), "study '../results/a' is no name; expected letters"),
        (("publish", "a", "--profile", "../b"), "profile '../b' is no name; expected letters"),
        (("search", "../s"), "search '../s' is no name; expected letters"),
        (("search", "s", "--profile", "a-b"), "profile 'a-b' is no name; expected letters"),
    ],
)
def test_wrong_input_gets_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert message in refused(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--seed", "x"), "error: argument --seed: invalid int value: 'x'; see: leo-bench run --help"),
        (
            ("study", "a", "--seeds", "0", "--seeds", "1"),
            "error: --seeds is given twice; leave one out; see: leo-bench study --help",
        ),
        *(
            (
                (command, *more, option, "0"),
                f"error: argument {option}: must be at least 1, got 0; see: leo-bench {command} --help",
            )
            for command, more, options in (
                ("study", ["a"], ["--jobs", "--max-seeds"]),
                ("search", ["a"], ["--jobs", "--trials"]),
                ("reproduce", [], ["--jobs", "-n"]),
            )
            for option in options
        ),
        (
            ("study", "a", "--jobs", "two"),
            "error: argument --jobs: expected a whole number, got 'two'; see: leo-bench study --help",
        ),
        (("run", "--zz"), "error: unrecognized arguments: --zz; see: leo-bench --help"),
        ((), "error: the following arguments are required: COMMAND; see: leo-bench --help"),
    ],
)
def test_arguments_that_cannot_be_parsed_get_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == message + "\n"


KEY = "0123456789abcdef"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("study a --max-seeds 9", "--max-seeds would be ignored without --until-decided; add it, or leave out"),
        ("study a --plan --retry", "--plan starts nothing, so --retry would be ignored"),
        ("study a --plan --retry --reports r", "so --retry and --reports would be ignored"),
        ("study a --shard 1/2 --reports r", "--shard makes no report, so --reports would be ignored"),
        ("study a --collect", "--collect would be ignored without --ray"),
        ("search s --collect --gpus-per-run 1", "--gpus-per-run and --collect would be ignored without --ray"),
        ("search s --plan --storage sqlite:///x", "--plan starts nothing, so --storage would be ignored"),
        ("search s --plan --ray auto", "--plan starts nothing, so --ray would be ignored"),
        ("search s --emit-preset f.toml --plan", "so --plan would be ignored"),
        ("search s --emit-preset f.toml --jobs 2 --storage x", "so --jobs and --storage would be ignored"),
        ("search s --emit-preset f.toml --ray auto --studies s", "so --ray and --studies would be ignored"),
        ("run --describe --data d", "--describe only prints settings and layers, so --data would be ignored"),
        ("run --describe --results r", "so --results would be ignored"),
        ("run --dataset glyphs --data d", "the data set is glyphs, which has no files; leave --data out"),
        (f"run --key {KEY} --set k_shot=5 --preset leo", "so --preset and --set would be ignored"),
        ("report . --results r", "the folder of a study has its own records, so --results would be ignored"),
        ("reproduce --levels 0 --reports r", "--levels 0 compares no report, so --reports would be ignored"),
        ("reproduce --levels 2 --reports r", "--levels 2 compares no report, so --reports would be ignored"),
        ("reproduce --levels 0-1 --data d", "--levels 0-1 does no run, so --data would be ignored"),
        ("reproduce results/a --levels 0 --results r", "so --results would be ignored"),
        (f"reproduce --key {KEY} --jobs 2", "--key names one run, so --jobs would be ignored"),
        ("publish-model --variant v", "--variant would be ignored without the name of a model"),
        ("measure --profile cpu", "--profile would be ignored without --study"),
    ],
    ids=str,
)
def test_an_option_without_effect_is_refused(capsys: pytest.CaptureFixture[str], arguments: str, message: str) -> None:
    assert message in refused(capsys, *arguments.split())


@pytest.mark.parametrize("command", ["score", "measure", "examples", "reproduce --level 2 --key"])
def test_a_folder_of_data_for_a_run_without_files_is_refused(capsys: pytest.CaptureFixture[str], command: str) -> None:
    plan = make_plan({"leo": {"dataset": "glyphs"}}, [0], numerics=None)
    folder = write_run(Path("results"), plan, plan.runs[0], lambda *_: np.full((12, 6), 40))
    assert "the data set is glyphs, which has no files" in refused(capsys, *command.split(), folder.name, "--data", "d")


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out == f"leo-bench {project['version']}\n"


def test_describe_has_the_data_set_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--describe", "--dataset", "glyphs"]) == 0
    assert "dataset = glyphs" in capsys.readouterr().out


STUDY = """
question = "Q?"
baseline = "base"
[settings]
learner = "pixels"
n_train_episodes = 0
[profiles.smoke]
seeds = [0]
settings = { device = "cpu", dataset = "glyphs" }
[profiles.gpu]
seeds = [0]
settings = { device = "cuda" }
variant_settings = { base = { dataset = "glyphs" } }
[variants.base]
"""
SMOKE, GPU = ("--profile", "smoke"), ("--profile", "gpu")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("study", "tiny.toml"), "/studies/; did you mean 'tiny'? there are: tiny"),
        (("study", "studies/tiny.toml"), "/studies/; did you mean 'tiny'? there are: tiny"),
        (("study", "tinny"), "/studies/; did you mean 'tiny'? there are: tiny"),
        (("study", "mine/tiny"), "study 'mine/tiny' is no name; expected letters"),
        (("study", "tiny", "--profile", "a/b"), "study tiny has no profile 'a/b'; choose one of smoke, gpu"),
        (
            ("study", "tiny", *SMOKE, "--dataset", "omniglot"),
            "--dataset omniglot and studies/tiny.toml (dataset = 'glyphs')",
        ),
        (
            ("study", "tiny", *SMOKE, "--device", "cuda"),
            "--device cuda and studies/tiny.toml (device = 'cpu') contradict",
        ),
        (("study", "tiny", *GPU, "--device", "cpu"), "--device cpu and studies/tiny.toml (device = 'cuda') contradict"),
        (
            ("study", "tiny", *GPU, "--dataset", "omniglot"),
            "--dataset omniglot and studies/tiny.toml (dataset = 'glyphs')",
        ),
        (("study", "tiny", "--profile", "smoke", "--data", "."), "which has no files; leave --data out"),
    ],
)
def test_what_a_study_file_and_the_command_line_say_differently_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.setattr("leo_bench.commands.study.locate", lambda *_: GLYPHS)
    for folder in ("studies", "studies/mine"):
        Path(folder).mkdir()
        Path(folder, "tiny.toml").write_text(STUDY)
    assert message in refused(capsys, *arguments)
    assert not Path("results").exists()


def test_what_another_profile_says_does_not_count(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leo_bench.commands.study.locate", lambda *_: GLYPHS)
    Path("studies").mkdir()
    Path("studies", "tiny.toml").write_text(STUDY)
    assert main(["study", "tiny", *SMOKE, "--device", "cpu", "--plan"]) == 0
    assert "1 variants, seeds 0" in capsys.readouterr().out


def test_a_precision_that_no_run_can_have_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leo_bench.commands.study.locate", lambda *_: GLYPHS)
    Path("studies").mkdir()
    Path("studies", "tiny.toml").write_text(STUDY + 'set = { precision = "float32" }\n')
    said = refused(capsys, "study", "tiny", "--profile", "smoke", "--precision", "bfloat16", "--plan")
    assert "--precision bfloat16 has no effect: every run sets another value or cannot take this one" in said


def test_seeds_are_not_added_to_a_study_of_claims(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leo_bench.commands.study.locate", lambda *_: GLYPHS)
    Path("studies").mkdir()
    claim = '[claims.c]\nwords = "w"\nsection = "s"\nnot_measurable = "It is not."\n'
    Path("studies", "tiny.toml").write_text(STUDY + claim)
    assert "the study tiny judges claims" in refused(capsys, "study", "tiny", "--profile", "smoke", "--until-decided")


def test_the_folder_of_the_studies_is_named_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "study", "tiny")
    assert line == f"error: --studies: {Path.cwd()}/studies is not a folder; name the one that holds study 'tiny'"
    Path("studies").mkdir()
    line = refused(capsys, "study", "tiny")
    assert line == f"error: no study 'tiny' in {Path.cwd()}/studies/; it has none; name another folder with --studies"


def test_settings_on_the_command_line_are_toml_or_strings() -> None:
    assert parse_settings(["a=1", "b=0.5", "c=true", "d=none", "e=[5, 20]", 'f="x"']) == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": "none",
        "e": [5, 20],
        "f": "x",
    }
    with pytest.raises(LeoBenchError):
        parse_settings(["a"])


def test_describe_names_settings_layers_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--describe", "--preset", "documented"]) == 0
    text = capsys.readouterr().out
    assert "latent_dim = 64" in text
    assert "decoder.fc3.weight" in text
    assert "generated per 5-way episode: 11,525" in text


def test_status_names_what_is_not_done(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plan = make_plan({"leo": {}, "none": {"relation": "none"}}, [0])
    write_study(tmp_path / "results", plan)
    write_attempt(tmp_path / "results", plan.runs[1], "failed", "the loss became nan")
    assert main(["status"]) == 0
    text = capsys.readouterr().out
    assert "0 of 2 runs done, 1 missing, 1 failed" in text
    assert "the loss became nan" in text
    write_study(tmp_path / "results", plan.model_copy(update={"whole": {"leo": [0, 1, 2], "none": [0]}}))
    assert main(["status"]) == 0
    assert "0 of 4 runs done, 1 missing, 1 failed, 2 not asked for" in capsys.readouterr().out


def test_a_run_that_asks_for_more_classes_than_there_are_fails_with_the_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["run", "--dataset", "glyphs", "--set", "image_size=16", "--set", "n_way=2000"])
    assert code == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "n_way is 2000" in errors[0]


@pytest.mark.parametrize("typed", [".", "./", "../ablations-cpu", "tables/.."])
def test_a_report_is_named_by_its_study_however_its_folder_is_typed(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_study(tmp_path / "results", make_plan({"a": {}}, [0]))
    (folder / "tables").mkdir()
    monkeypatch.chdir(folder)
    written: list[Path] = []
    monkeypatch.setattr(report, "write_report", lambda study, out: written.append(out))
    monkeypatch.setattr(report, "write_index", lambda reports: None)
    assert main(["report", typed, "--reports", str(tmp_path / "reports")]) == 0
    assert written == [tmp_path / "reports" / "ablations-cpu"]
