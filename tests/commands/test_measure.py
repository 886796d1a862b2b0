"""`leo-bench measure` on tiny runs: what it writes, prints and refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from results_fixture import make_plan, planned, write_study
from tiny_bank import runs_on, tiny_bank

from leo_bench.commands.cli import main
from leo_bench.config import Settings, make_settings
from leo_bench.records import MEASURES, Measures, Result, read_record, write_record
from leo_bench.running import experiment, measure
from leo_bench.running.numerics import measures_numerics, numerics_digest
from leo_bench.training.measures.compute import TopResponses
from leo_bench.training.measures.descriptions import DESCRIPTIONS

TINY: dict[str, Any] = {
    "dataset": "glyphs",
    "image_size": 16,
    "n_way": 3,
    "n_query": 4,
    "latent_dim": 8,
    "inner_steps": 2,
    "inner_lr": 1.0,
    "n_train_episodes": 4,
    "val_every": 4,
    "n_val_episodes": 2,
    "n_test_episodes": 5,
    "test_n_ways": [],
    "test_modes": [],
}
BANK = tiny_bank()


def settings_of(**changes: Any) -> Settings:
    return make_settings({**TINY, **changes}, "leo")


@pytest.fixture(autouse=True)
def tiny_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Give every run the tiny bank, and few episodes to measure."""
    monkeypatch.chdir(tmp_path)
    few = measure.measured_episodes
    monkeypatch.setattr(measure, "measured_episodes", lambda *arguments: few(*arguments, n=8))
    with runs_on(BANK):
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a done LEO run. Copy it before changing it."""
    with runs_on(BANK):
        folder = tmp_path_factory.mktemp("runs") / settings_of().run_key
        experiment.execute(folder, settings_of())
        return folder


@pytest.fixture
def done(made: Path) -> Path:
    return Path(shutil.copytree(made, Path("results/runs") / made.name))


def run(**changes: Any) -> Path:
    settings = settings_of(**changes)
    folder = Path("results/runs") / settings.run_key
    experiment.execute(folder, settings)
    return folder


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["measure", *arguments]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert captured.out == "" and line.startswith("error: ")
    return line


def test_a_run_is_measured_and_the_record_says_of_what(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name for path in done.iterdir()}
    assert main(["measure", done.name]) == 0
    out = capsys.readouterr().out
    assert {path.name for path in done.iterdir()} == {*before, MEASURES}
    found, trained = read_record(done / MEASURES, Measures), read_record(done / "result.json", Result)
    assert (found.run_key, found.weights_digest) == (trained.run_key, trained.weights_digest)
    assert (found.numerics, found.n_episodes, found.n_within_alphabet) == (measures_numerics(), 8, 4)
    assert set(found.measures) == {name for name in DESCRIPTIONS if not name.endswith(("_head", "_cnn"))}
    for name, one in found.measures.items():
        assert name in out
        assert (one.unit, one.what) == DESCRIPTIONS[name]
        assert one.per_episode == [float(f"{part:.6g}") for part in one.per_episode]


def test_the_loop_is_measured_as_trained_whatever_tests_a_study_asks_for(done: Path) -> None:
    """Else one model would have other measures by the study that trained it first."""
    assert main(["measure", done.name]) == 0
    as_trained = read_record(done / MEASURES, Measures)
    done.rename("another")
    asked = run(test_inner_steps=5, test_inner_lr=0.5)
    assert asked == done  # one training
    assert main(["measure", asked.name]) == 0
    found = read_record(asked / MEASURES, Measures)
    assert (found.inner_steps, found.inner_lr, found.measures) == (None, None, as_trained.measures)


def test_measuring_again_computes_nothing_unless_the_source_is_another(
    done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["measure", done.name]) == 0
    first = (done / MEASURES).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(measure, "measures_of", lambda *_: pytest.fail("measured"))
        assert main(["measure", done.name]) == 0
    write_record(done / MEASURES, read_record(done / MEASURES, Measures).model_copy(update={"numerics": "of before"}))
    assert main(["measure", done.name]) == 0
    assert (done / MEASURES).read_bytes() == first


def test_a_measure_that_is_not_finite_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    zero = torch.zeros(2)
    kept, lost = measure.Value(0.0, zero), measure.Value(float("nan"), zero)
    assert list(measure.described({"spectrum_top": kept, "class_similarity": lost})) == ["spectrum_top"]
    assert "class_similarity is left out" in caplog.text


def test_a_run_without_checkpoint_is_refused_with_the_way_to_make_it(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (done / "checkpoint.safetensors").unlink()
    line = refused(capsys, done.name)
    assert f"has no weights here ({done / 'checkpoint.safetensors'}; they are not published); remove {done}/" in line
    assert line.endswith(f"leo-bench run --key {done.name}")
    Path("results").rename("other")
    line = refused(capsys, done.name, "--results", "other")
    assert line.endswith(f"leo-bench run --key {done.name} --results {Path('other').absolute()}")
    assert not list(Path("other").rglob(MEASURES))


@pytest.mark.parametrize("damage", ["stale", "corrupt"])
def test_a_stale_or_damaged_training_is_refused(done: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = done / "result.json"
    if damage == "stale":
        write_record(path, read_record(path, Result).model_copy(update={"numerics": "of before"}))
    else:
        path.write_bytes(path.read_bytes()[:100])
    assert refused(capsys, done.name).startswith(f"error: the training of run {done.name} is {damage}")


def test_damaged_measures_are_refused_not_replaced(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (done / MEASURES).write_text("{")
    assert "measures.json is truncated or not JSON" in refused(capsys, done.name)
    assert (done / MEASURES).read_text() == "{"


def test_a_learner_without_measures_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    folder = run(learner="pixels", n_train_episodes=0)
    line = refused(capsys, folder.name)
    assert f"run {folder.name} (learner pixels)" in line and "there are measures of leo, maml" in line


def test_the_runs_of_a_study_are_measured_and_those_that_cannot_be_are_named(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = run(learner="pixels", n_train_episodes=0)
    plan = make_plan({"leo": {}}, [0], study="small", profile="cpu")
    runs = [
        planned(settings, name, numerics_digest(settings.learner, "glyphs"))
        for name, settings in (
            ("leo", settings_of()),
            ("same", settings_of()),
            ("pixels", settings_of(learner="pixels", n_train_episodes=0)),
        )
    ]
    write_study(Path("results"), plan.model_copy(update={"runs": runs, "baseline": "leo"}))
    assert main(["measure", "--study", "small", "--profile", "cpu"]) == 1
    captured = capsys.readouterr()
    assert captured.out.count("test episodes of 3 ways") == 1
    assert captured.out.splitlines()[-1] == "1 of 2 runs measured"
    assert captured.err.startswith(f"not measured: run {pixels.name}")
    assert (done / MEASURES).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no run is named"),
        (["0123456789abcdef"], "no run '0123456789abcdef'"),
        (["--profile", "cpu"], "--profile would be ignored without --study"),
        (["0123456789abcdef", "--study", "ablations"], "run keys and --study are given"),
        (["--study", "../x"], "study '../x' is no name"),
    ],
    ids=str,
)
def test_wrong_input_gets_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in refused(capsys, *arguments)


def test_the_figure_of_the_latent_directions(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", done.name, "--figure", "figures/directions.png"]) == 0
    with Image.open("figures/directions.png") as picture:
        assert picture.format == "PNG" and picture.width > 500
    assert not (done / MEASURES).exists()
    capsys.readouterr()
    assert "ends with .png" in refused(capsys, done.name, "--figure", "directions.pdf")
    still = run(inner_steps=0)
    capsys.readouterr()
    assert "the inner loop changes no class code" in refused(capsys, still.name, "--figure", "directions.png")


def test_drawings_of_the_figure_are_those_with_the_largest_changes(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The response of an image is taken to be its brightness: the darkest fall most, the brightest rise most.
    def by_ink(learner: Any, bank: Any, measured: Any, copies: Any, images: torch.Tensor) -> Any:
        return TopResponses(torch.tensor([1.0]), images.double().mean((1, 2))[None])

    monkeypatch.setattr(measure, "top_responses", by_ink)
    found = measure.latent_directions(done, None)
    ink = [found.lowered[0].mean((1, 2)), found.raised[0].mean((1, 2))[::-1]]
    assert sorted(ink[0]) == list(ink[0]) and sorted(ink[1]) == list(ink[1])
    assert ink[0].max() <= ink[1].min()


def test_the_spectra_of_the_figure_are_those_of_the_measures(done: Path) -> None:
    found, known = measure.latent_directions(done, None), measure.measure_run(done, None).measures
    for shares, name in ((found.changes, "spectrum_top"), (found.decoder, "spectrum_top_decoder")):
        assert shares[0] == pytest.approx(known[name].value)
        assert shares.sum() == pytest.approx(1)
        assert (np.diff(shares) <= 0).all() and len(shares) == 8
    needed = int((found.changes.cumsum() < 0.9).sum()) + 1
    assert needed == known["latent_directions_90"].value


def test_the_file_is_plain_json_with_a_digest_at_its_end(done: Path) -> None:
    assert main(["measure", done.name]) == 0
    values = json.loads((done / MEASURES).read_text())
    assert list(values)[-1] == "digest"
    assert set(values["measures"]["class_similarity"]) == {"value", "per_episode", "unit", "what"}
