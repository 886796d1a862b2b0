"""Example episodes of a run: chosen by rule, answered as recorded, or refused."""

import argparse
import io
import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tiny_bank import tiny_bank

from leo_bench.commands.examples import command_examples
from leo_bench.config import Settings, make_settings
from leo_bench.data.episodes import EpisodeSpec, fixed_episodes, gather
from leo_bench.data.locate import DataSource
from leo_bench.data.support_copies import shifted
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner
from leo_bench.learners.factory import build
from leo_bench.records.example import Example
from leo_bench.running import experiment, plan, training_run
from leo_bench.running.checkpoint import trained_learner
from leo_bench.running.example_episodes import answer, choose, codes_of

BANK = tiny_bank()
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
    "n_test_episodes": 6,
    "test_n_ways": [3],
    "test_modes": ["mixed"],
}
LEARNERS: dict[str, dict[str, Any]] = {
    "leo": {},
    "leo, one code for all": {"decode": "task"},
    "full": {"generated": "full"},
    "full, shared encoder": {"generated": "full", "encoder": "shared"},
    "no inner steps": {"inner_steps": 0},
    "protonet": {"learner": "protonet", "n_train_episodes": 0},
    "pixels": {"learner": "pixels", "n_train_episodes": 0},
}
every_learner = pytest.mark.parametrize("changes", LEARNERS.values(), ids=LEARNERS.keys())


@pytest.fixture(autouse=True)
def tiny_data(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make runs and examples use the tiny bank, and restore threads and determinism afterwards."""
    monkeypatch.setattr(training_run, "locate", lambda dataset, folder: DataSource("glyphs", "drawn", None))
    monkeypatch.setattr(training_run, "load_images", lambda source, image_size: BANK)
    threads = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def settings_of(**changes: Any) -> Settings:
    return make_settings({**TINY, **changes}, "leo")


def run(folder: Path, **changes: Any) -> Path:
    settings = settings_of(**changes)
    target = folder / settings.run_key
    experiment.execute(target, settings)
    return target


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with one done LEO run. Copy it before changing it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_run, "locate", lambda dataset, folder: DataSource("glyphs", "drawn", None))
        patch.setattr(training_run, "load_images", lambda source, image_size: BANK)
        return run(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def done(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "runs" / made.name))


def draw(folder: Path, reports: Path) -> None:
    """Run the command on a run."""
    results = folder.parents[1]
    command_examples(argparse.Namespace(key=folder.name, results=results, reports=reports, data=None))


def refused(folder: Path, tmp_path: Path) -> str:
    with pytest.raises(LeoBenchError) as caught:
        draw(folder, tmp_path / "reports")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "reports").exists()
    return str(caught.value)


@every_learner
def test_every_learner_gets_its_pictures_in_a_folder_that_git_ignores(
    changes: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(tmp_path / "runs", **changes)
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    capsys.readouterr()
    draw(folder, repository / "reports" / "official")
    place = repository / "reports" / "official" / f"examples-{folder.name}"
    text = capsys.readouterr().out
    assert (place / "hardest.png").is_file() and str(place / "hardest.png") in text
    assert "Hardest: test episode " in text and "digest" not in text
    assert (place / "hardest-codes.png").is_file() == ("codes move" in text) == ("learner" not in changes)
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


def test_the_checkout_ignores_examples() -> None:
    root = Path(__file__).resolve().parents[2]
    ignored = subprocess.run(["git", "check-ignore", "reports/examples-0123456789abcdef/hardest.png"], cwd=root)
    if ignored.returncode == 128:
        pytest.skip("not a git checkout")
    assert ignored.returncode == 0


@every_learner
def test_answers_are_those_of_the_plain_forward_pass(changes: dict[str, Any]) -> None:
    learner = build(settings_of(**changes)).eval()
    episode = fixed_episodes(BANK, "lake", "test", EpisodeSpec(3, 2, 4), 1)
    support_x, support_y, query_x, query_y = gather(BANK.images, episode)
    with torch.no_grad():
        logits = learner.episode_logits(support_x, support_y, query_x, 3)
    example = answer(learner, BANK, episode, "hardest", 0)
    assert np.array_equal(example.predicted.reshape(len(logits), -1), torch.cat(logits).argmax(-1).numpy())
    assert example.correct.tolist() == [int((step[0].argmax(-1) == query_y[0]).sum()) for step in logits]
    assert np.allclose(example.support / 255, support_x.reshape(3, 2, 16, 16), atol=1e-6)
    assert np.allclose(example.query / 255, query_x.reshape(3, 4, 16, 16), atol=1e-6)
    assert example.characters == [BANK.characters[index] for index in episode.characters[0]]


def test_copies_of_the_support_set_count_in_the_answers() -> None:
    learner, shifts = build(settings_of()).eval(), ((1, 0), (0, -2))
    episode = fixed_episodes(BANK, "lake", "test", EpisodeSpec(3, 2, 4), 1)
    support_x, support_y, query_x, _ = gather(BANK.images, episode)
    versions = torch.cat([support_x, *(shifted(support_x[0], *shift)[None] for shift in shifts)], dim=1)
    with torch.no_grad():
        logits = learner.episode_logits(versions, support_y.repeat(1, 3), query_x, 3)
    example = answer(learner, BANK, episode, "hardest", 0, shifts)
    assert np.array_equal(example.predicted.reshape(len(logits), -1), torch.cat(logits).argmax(-1).numpy())
    assert np.allclose(example.support / 255, support_x.reshape(3, 2, 16, 16), atol=1e-6)  # the copies are not shown


def test_a_run_with_copies_gets_its_pictures(tmp_path: Path) -> None:
    folder = run(tmp_path / "runs", test_support_copies="shifted")
    draw(folder, tmp_path / "reports")
    assert (tmp_path / "reports" / f"examples-{folder.name}" / "easiest.png").is_file()


def test_queries_are_answered_alone_where_the_test_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def watched(learner: Learner, *given: Any) -> Example:
        seen.append(learner.batch_norm)
        return answer(learner, *given)

    monkeypatch.setattr("leo_bench.running.example_episodes.answer", watched)
    draw(run(tmp_path / "runs", learner="maml", transductive=True, test_queries="alone"), tmp_path / "reports")
    assert set(seen) == {"query"}


def test_codes_are_those_that_the_answers_come_from() -> None:
    learner = build(settings_of()).eval()
    episode = fixed_episodes(BANK, "lake", "test", EpisodeSpec(3, 1, 4), 1)
    support_x, support_y, query_x, _ = gather(BANK.images, episode)
    example = answer(learner, BANK, episode, "hardest", 0)
    assert example.codes is not None and example.codes.shape == (3, 3, 8)
    with torch.no_grad():
        features, image_codes, _ = learner.image_features(support_x[0])
        start = learner.class_codes(image_codes[None], support_y, 3)  # type: ignore[operator]
        assert np.allclose(example.codes[0], start[0].numpy(), atol=1e-6)
        query = learner.image_features(query_x[0])[0][None]
        for step, codes in enumerate(example.codes):
            logits = learner.logits(torch.from_numpy(codes).float()[None], query)  # type: ignore[operator]
            assert np.array_equal(logits[0].argmax(-1).numpy(), example.predicted[step].ravel())
    # Each inner step goes inner_lr (here 1) down the slope of the support set's loss, one drawing a class.
    for before, after in pairwise(example.codes):
        point = torch.from_numpy(before).float()[None].requires_grad_()
        loss = F.cross_entropy(learner.logits(point, features.detach()[None])[0], torch.arange(3))  # type: ignore[operator]
        (slope,) = torch.autograd.grad(loss, point)
        assert np.allclose(after - before, -slope[0].numpy(), atol=1e-6)
        assert slope.abs().max() > 5e-4


def test_watching_codes_leaves_the_learner_as_it_was() -> None:
    learner = build(settings_of()).eval()
    before = dict(vars(learner))
    with codes_of(learner):
        pass
    assert vars(learner) == before


def test_choice_is_by_recorded_counts_and_the_first_of_equals() -> None:
    assert choose(np.array([5, 3, 9, 3, 9])) == {"hardest": 1, "median": 0, "easiest": 2}
    # sorted 2 4 6 8: the median of four is the lower of the middle two
    assert choose(np.array([8, 6, 4, 2])) == {"hardest": 3, "median": 2, "easiest": 0}
    assert choose(np.array([7, 7, 7])) == {"hardest": 0}
    assert choose(np.array([1, 2])) == {"hardest": 0, "easiest": 1}


def test_other_counts_than_recorded_are_refused(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = done.glob("tests/*/episodes.npz")
    with np.load(io.BytesIO(path.read_bytes())) as arrays:
        counts = arrays["correct"].astype(int)
    hardest = choose(counts[:, -1])["hardest"]
    other = (hardest + 1) % len(counts)
    counts[hardest, 0], counts[other, 0] = counts[hardest, 0] + 1, counts[other, 0] - 1  # the means do not show it
    np.savez_compressed(path, correct=counts.astype(np.uint16))
    words = refused(done, tmp_path)
    assert f"test episode {hardest}: the checkpoint gives" in words
    assert f"but {counts[hardest].tolist()} are recorded; this source made the run" in words
    monkeypatch.setattr(plan, "numerics_digest", lambda *_: "0123456789ab")
    assert "this source has 0123456789ab: check out commit" in refused(done, tmp_path)


def test_runs_of_other_source_are_taken_where_their_counts_agree(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plan, "numerics_digest", lambda *_: "0123456789ab")
    monkeypatch.setattr("leo_bench.commands.examples.numerics_digest", lambda *_: "0123456789ab")
    draw(done, tmp_path / "reports")
    assert "in training, 0123456789ab here" in capsys.readouterr().out


def test_missing_checkpoint_says_how_to_get_one(done: Path, tmp_path: Path) -> None:
    (done / "checkpoint.safetensors").unlink()
    words = refused(done, tmp_path)
    assert "has no weights here" in words and f"leo-bench run --key {done.name}" in words


def test_other_weights_than_recorded_are_refused(done: Path, tmp_path: Path) -> None:
    weights = load_file(done / "checkpoint.safetensors")
    save_file(
        {name: tensor + (tensor.is_floating_point()) for name, tensor in weights.items()},
        done / "checkpoint.safetensors",
    )
    assert "does not hold the weights that result.json records" in refused(done, tmp_path)


def test_damaged_or_foreign_checkpoints_are_refused(done: Path, tmp_path: Path) -> None:
    path = done / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert "checkpoint.safetensors is damaged" in refused(done, tmp_path)
    save_file({"other": torch.zeros(1)}, path)
    assert "does not hold the weights that result.json records" in refused(done, tmp_path)


def test_weights_that_do_not_fit_the_settings_are_refused() -> None:
    with pytest.raises(LeoBenchError, match=r"weights of run .* do not fit this source") as caught:
        trained_learner(settings_of(), {"other": torch.zeros(1)})
    assert "\n" not in str(caught.value)


def test_other_data_than_recorded_is_refused(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tiny_bank()
    object.__setattr__(other, "digest", "another")
    monkeypatch.setattr(training_run, "load_images", lambda source, image_size: other)
    assert "with digest tiny, but the data here has digest another" in refused(done, tmp_path)


def test_runs_that_are_not_done_are_refused(done: Path, tmp_path: Path) -> None:
    (done / "result.json").write_text("{")
    assert "is corrupt, not done" in refused(done, tmp_path)
    (done / "result.json").unlink()
    status = json.loads((done / "attempt-1/status.json").read_text())
    (done / "attempt-1/status.json").write_text(json.dumps({**status, "status": "failed", "message": "diverged"}))
    assert "is failed, not done: diverged" in refused(done, tmp_path)


def test_a_published_run_of_an_older_schema_is_not_called_corrupt(tmp_path: Path) -> None:
    official = Path(__file__).parents[2] / "results" / "official"
    folder = next(path.parent for path in sorted(official.glob("*/runs/*/result.json")))
    message = refused(folder, tmp_path)
    assert message.startswith(f"run {folder.name} has an older schema, and published runs have no weights")
    assert "corrupt" not in message and "remove" not in message
