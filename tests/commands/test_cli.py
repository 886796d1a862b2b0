"""The command line: right commands, and wrong input answered in one clear line."""

from pathlib import Path

import pytest
from results_fixture import make_plan, write_attempt, write_study

from leo_bench.commands.cli import main
from leo_bench.commands.run import parse_settings
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--describe", "--set", "relatoin=none"), "did you mean 'relation'"),
        (("run", "--describe", "--set", "latent_dim=wide"), "latent_dim should be a valid integer"),
        (("run", "--describe", "--set", "latent_dim=0"), "greater than or equal to 1"),
        (("run", "--describe", "--set", "k_shot=6"), "k_shot + n_query is 6 + 15, but a character has 20 drawings"),
        (("run", "--describe", "--set", "latent_dim"), "expected NAME=VALUE"),
        (("run", "--describe", "--preset", "tunned"), "unknown preset 'tunned'; there are documented, leo"),
        (("run", "--key", "0123"), "no run '0123'"),
        (("run", "--key", "0123", "--seed", "1"), "--key uses the recorded settings unchanged"),
        (("study", "ablations", "--studies", "nowhere"), "/nowhere/; it has none; name another folder with --studies"),
        (("study", "ablations", "--jobs", "0"), "--jobs must be at least 1"),
        (("study", "ablations", "--seeds", "x"), "such as 0-4"),
        (("data", "--dataset", "omniglot", "--data", "nowhere"), "nowhere"),
        (("data", "--data", "nowhere"), "nowhere"),
        (("status",), "/results/; name another folder (--results), or run one first"),
        (("reproduce", "-n", "0"), "-n must be at least 1"),
        (("report",), "/results/; name another folder (--results), or run one first"),
        (("report", "results/none"), "study.json is missing"),
        (("examples", "0123"), "no run '0123' in /"),
        (("reproduce",), "/results/; name another folder (--results), or run one first"),
        (("dashboard",), "no study or search in results/; run one first: make ablations, or make search"),
        (("dashboard", "--port", "70000"), "--port must be 1 to 65535"),
        (("publish", "ablations"), "study.json is missing"),
        (("run", "--describe", "--set", "=3"), "--set =3: expected NAME=VALUE"),
        (("run", "--describe", "--set", "latent_dim="), "--set latent_dim=: expected NAME=VALUE"),
        (("run", "--describe", "--preset", "none.toml"), "preset none.toml cannot be read: No such file"),
        (("run", "--describe", "--set", "test_n_ways=5"), "test_n_ways should be a list such as [5] (got 5)"),
        (("study", "ablations", "--seeds", ""), "such as 0-4"),
        (("study", "ablations", "--seeds", "3-1"), "write the smaller number first"),
        (("data", "--dataset", "glyphs", "--sheets", "/dev/null/x"), "cannot make the folder /dev/null/x"),
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


def test_a_run_that_asks_for_more_classes_than_there_are_fails_with_the_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["run", "--dataset", "glyphs", "--set", "image_size=16", "--set", "n_way=2000"])
    assert code == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "n_way is 2000" in errors[0]
