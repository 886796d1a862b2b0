"""Published models: they are the recorded runs, answer as recorded, and their cards have the published numbers."""

import dataclasses
import os
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from results_fixture import make_plan, write_run, write_study

from leo_bench import LatentEmbeddingOptimization, load_pretrained
from leo_bench.config import differing, make_settings
from leo_bench.data.bank import load_images
from leo_bench.data.locate import DataSource, locate
from leo_bench.data.support_copies import SUPPORT_COPIES
from leo_bench.errors import LeoBenchError
from leo_bench.learners.factory import build
from leo_bench.learners.leo import Leo
from leo_bench.records import RunState, load_study
from leo_bench.running.checkpoint import weights_digest
from leo_bench.running.model_card import front_of, used_settings
from leo_bench.running.publish_model import done_runs_of, publish_model, refresh_cards
from leo_bench.running.test_run import episodes_of
from leo_bench.training import published_models
from leo_bench.training.answer_queries import answer_queries
from leo_bench.training.evaluate import score
from leo_bench.training.model_files import ModelInfo, find_model, load_into, model_bytes, read_model

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
NAMES = sorted(path.stem for path in MODELS.glob("*.safetensors"))


@cache
def recorded(name: str) -> RunState:
    front = front_of((MODELS / f"{name}.md").read_text())
    return done_runs_of(ROOT / "results" / "official" / front["study"], front["variant"])[0]


def test_the_models_are_small() -> None:
    assert {"leo", "paper", "protonet", "tuned", "tuned_105"} <= set(NAMES)
    assert sum(path.stat().st_size for path in MODELS.iterdir()) < 10e6


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_are_those_of_the_record(name: str) -> None:
    info, weights = read_model(find_model(name))
    result = recorded(name).result
    assert result is not None
    assert weights_digest(weights) == info.weights_digest == result.weights_digest
    assert (info.run_key, info.numerics) == (result.run_key, result.numerics)
    assert model_bytes(info, weights) == find_model(name).read_bytes()


def test_cards_are_those_that_the_records_give(tmp_path: Path) -> None:
    for path in MODELS.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for card in refresh_cards(ROOT / "results", tmp_path):
        assert card.read_text() == (MODELS / card.name).read_text(), "leo-bench publish-model brings it up to date"
        assert sha256((MODELS / f"{card.stem}.safetensors").read_bytes()).hexdigest() in card.read_text()
        headline = recorded(card.stem).headline
        assert f"| {100 * headline.accuracy:.1f} ± {100 * headline.accuracy_ci95:.1f} |" in card.read_text()


def check_answers(name: str, source: DataSource) -> None:
    """Score the first episodes of each recorded 1-shot test on a data set, and compare the right answers.

    A processor of another kind rounds otherwise, so where two classes are all but tied another one may win: up to one
    answer in a thousand may differ.
    """
    settings = read_model(find_model(name))[0].at_test()
    bank, run = load_images(source, settings.image_size), recorded(name)
    tests = [test for test in run.tests if test.dataset == source.name and test.k_shot == 1]
    if not tests:
        pytest.skip(f"{name} has no recorded test on {source.name}")
    n = 4 if settings.image_size == 28 else 3
    groups = [episodes_of(test.asked.model_copy(update={"n_test_episodes": n}), bank, settings) for test in tests]
    found = score(load_pretrained(name), bank, groups, SUPPORT_COPIES[settings.test_support_copies])
    for test, scores in zip(tests, found, strict=True):
        differing = np.abs(scores.correct - run.correct(test)[:n]).sum()
        assert differing <= scores.correct.size * test.n_way * test.n_query / 1000, test.asked.name


@pytest.mark.parametrize("name", NAMES)
def test_answers_on_digits_are_those_of_the_record(name: str) -> None:
    check_answers(name, locate("digits"))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name.endswith("_105") else []) for name in NAMES]
)
def test_answers_on_omniglot_are_those_of_the_record(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "LEO_BENCH_OFFLINE", "1")
    try:
        source = locate("omniglot")
    except LeoBenchError:
        pytest.skip("Omniglot is not here")
    check_answers(name, source)


def test_step_by_step_methods_answer_as_a_test_does() -> None:
    leo = load_pretrained("tuned")
    assert isinstance(leo, LatentEmbeddingOptimization)
    generator = torch.Generator().manual_seed(0)
    support, queries = (torch.rand(n, 1, 28, 28, generator=generator).round() for n in (7, 6))
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 2])  # three classes, although it was trained at five
    codes = leo.encode_task(support, labels)
    steps = [codes, leo.inner_update(support, labels, codes)]
    expected = answer_queries(leo, support, labels, queries, 3, SUPPORT_COPIES["shifted"])
    for point, logits in zip(steps, (expected[0], expected[-1]), strict=True):
        found = leo.classifier(queries, leo.decode_to_params(point))
        torch.testing.assert_close(found, logits, rtol=1e-3, atol=1e-3)


def steps_of(leo: LatentEmbeddingOptimization, task: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    """Logits [Q, N] of a task's queries before and after adapting step by step. task: support, labels, queries."""
    support, labels, queries = task
    codes = leo.encode_task(support, labels)
    points = [codes, leo.inner_update(support, labels, codes)]
    return [leo.classifier(queries, leo.decode_to_params(point)) for point in points]


@pytest.mark.parametrize("name", ["tuned", "leo"])
def test_both_ways_to_adapt_give_the_same_answers(name: str) -> None:
    leo = load_pretrained(name)
    assert isinstance(leo, LatentEmbeddingOptimization)
    generator = torch.Generator().manual_seed(0)
    support, queries = (torch.rand(2, n, 1, 28, 28, generator=generator).round() for n in (7, 6))
    n_way = 3 if leo.settings.any_way else 5
    labels = torch.tensor([[0, 1, 2, 0, 1, 2, 2], [2, 2, 1, 0, 0, 1, 1]])
    labels = labels if n_way == 3 else torch.arange(7).remainder(5).repeat(2, 1)
    logits = leo.episode_logits(support, labels, queries, n_way)
    assert len(logits) == len(leo.scored_steps)
    for episode in range(2):
        task = (support[episode], labels[episode], queries[episode])
        answered = answer_queries(leo, *task, n_way, leo.copies)
        for found, own, step in zip(steps_of(leo, task), (answered[0], answered[-1]), (0, -1), strict=True):
            torch.testing.assert_close(logits[step][episode], found, rtol=1e-3, atol=1e-3)
            torch.testing.assert_close(logits[step][episode], own, rtol=1e-3, atol=1e-3)
    if name == "tuned":
        without = Leo.episode_logits(leo, support, labels, queries, n_way)[-1]
        assert (without - logits[-1]).abs().max() > 0.1
        (training,) = leo.train().episode_logits(support, labels, queries, n_way)
        assert torch.equal(training, Leo.episode_logits(leo, support, labels, queries, n_way)[-1])


@pytest.mark.parametrize("learner", ["protonet", "maml"])
def test_episodes_of_other_models_get_the_copies_of_their_tests(learner: str, tmp_path: Path) -> None:
    settings = make_settings(
        {"learner": learner, "width": 4, "image_size": 28, "padding": 2, "n_way": 3, "test_support_copies": "shifted"}
    )
    built = build(settings).eval()
    info = ModelInfo(name="own", settings=differing(settings.canonical()), run_key="", weights_digest="", numerics="")
    weights = {weight: tensor.contiguous() for weight, tensor in built.state_dict().items()}
    (tmp_path / "own.safetensors").write_bytes(model_bytes(info, weights))
    loaded = load_pretrained(tmp_path / "own.safetensors")
    generator = torch.Generator().manual_seed(0)
    support, queries = (torch.rand(n, 1, 28, 28, generator=generator).round() for n in (6, 4))
    labels = torch.arange(3).repeat(2)
    expected = answer_queries(loaded, support, labels, queries, 3, SUPPORT_COPIES["shifted"])
    found = loaded.episode_logits(support[None], labels[None], queries[None], 3)
    assert len(found) == len(expected) == len(loaded.scored_steps) == len(built.scored_steps)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one[0], other, rtol=1e-3, atol=1e-6)
    without = built.episode_logits(support[None], labels[None], queries[None], 3)[-1]
    assert not torch.allclose(found[-1], without, rtol=1e-2, atol=1e-6)


def test_a_missing_or_damaged_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LeoBenchError, match=r"no published model 'none': there are .*tuned.*; looked in .*models/ and"):
        load_pretrained("none")
    with pytest.raises(LeoBenchError, match=r"there is no model .*mine\.safetensors"):
        load_pretrained(tmp_path / "mine.safetensors")
    (tmp_path / "half.safetensors").write_bytes((MODELS / "tuned.safetensors").read_bytes()[:5000])
    with pytest.raises(LeoBenchError, match=r"half\.safetensors is damaged"):
        load_pretrained(tmp_path / "half.safetensors")
    info, weights = read_model(find_model("tuned"))
    with pytest.raises(LeoBenchError, match="do not fit this version"):
        load_into(load_pretrained("protonet"), weights, info)
    monkeypatch.setattr(published_models, "CHECKOUT", tmp_path / "nowhere")
    monkeypatch.setattr(published_models.importlib.metadata, "files", lambda package: [])
    with pytest.raises(LeoBenchError, match="there are none"):
        load_pretrained("tuned")


def test_models_of_an_installed_package_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class File:
        name = "tuned.safetensors"

        def locate(self) -> Path:
            return MODELS / self.name

    monkeypatch.setattr(published_models, "CHECKOUT", tmp_path)
    monkeypatch.setattr(published_models.importlib.metadata, "files", lambda package: [File()])
    assert find_model("tuned") == MODELS / "tuned.safetensors"


def test_a_loaded_model_knows_how_it_was_trained() -> None:
    for name in ("tuned", "paper"):
        settings = load_pretrained(name).settings
        assert settings.run_key == recorded(name).planned.run_key


def test_a_classifier_that_is_not_trained_has_no_model(tmp_path: Path) -> None:
    plan = make_plan({"pixels": {"learner": "pixels", "n_train_episodes": 0}}, [0], numerics=None)
    write_study(tmp_path / "official", plan)
    untrained = {"n_parameters": 0, "parameters_by_part": {}}
    write_run(tmp_path / "official", plan, plan.runs[0], lambda *_: np.full((12, 1), 40), **untrained)
    with pytest.raises(LeoBenchError, match="pixels of ablations-cpu has no trained weights to publish"):
        publish_model("pixels", tmp_path, "ablations-cpu", "pixels", tmp_path / "models")


@pytest.mark.parametrize(
    ("change", "named"), [({"head": "nearest_neighbour"}, "test_head"), ({"queries": "alone"}, "test_queries")]
)
def test_a_run_that_is_tested_in_another_way_than_a_model_answers_is_not_published(
    change: dict[str, str], named: str, tmp_path: Path
) -> None:
    plan = make_plan({"leo": {"inner_steps": 1}}, [0])
    write_run(tmp_path, plan, plan.runs[0], lambda *_: np.full((12, 2), 60))
    (run,) = load_study(write_study(tmp_path, plan)).runs
    assert used_settings(run)["test_queries"] == "together"
    other = dataclasses.replace(run, tests=[test.model_copy(update=change) for test in run.tests])
    with pytest.raises(LeoBenchError, match=f"variant leo is tested with {named}="):
        used_settings(other)


def test_a_run_without_checkpoint_or_variant_is_not_published(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "official").symlink_to(ROOT / "results" / "official")
    study = front_of((MODELS / "tuned.md").read_text())["study"]
    with pytest.raises(LeoBenchError, match=r"has no weights here .*; train it here: leo-bench run --key"):
        publish_model("tuned", results, study, "tuned", tmp_path / "models")
    with pytest.raises(LeoBenchError, match="has no done run of variant 'other'; its variants are"):
        publish_model("tuned", results, study, "other", tmp_path / "models")
    for study in ("../../elsewhere", "/elsewhere"):
        with pytest.raises(LeoBenchError, match=r"is no name.*a path is not taken"):
            publish_model("tuned", results, study, "tuned", tmp_path / "models")
