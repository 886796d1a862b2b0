"""The source document's usage examples, only the import lines changed (and fewer tasks), and every documented shape.

They run at the documented size, 105x105 pixels, on Omniglot where it is found and on glyphs otherwise.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from leo_bench import (
    LatentEmbeddingOptimization,
    LEOClassifier,
    LEODecoder,
    LEOEncoder,
    LEORelationNetwork,
    OmniglotTaskDataset,
    load_omniglot_dataset,
    train_leo,
)
from leo_bench.api import NOT_READ
from leo_bench.config import make_settings
from leo_bench.data.tasks import OmniglotDataset
from leo_bench.errors import LeoBenchError

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
N_WAY, FEATURES, LATENT = 5, 2304, 64
Batch = tuple[Tensor, Tensor, Tensor, Tensor]


@pytest.fixture(scope="module", autouse=True)
def no_download() -> Iterator[None]:
    """Look for Omniglot on disk only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEO_BENCH_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def datasets() -> tuple[OmniglotDataset, OmniglotDataset]:
    """train_dataset, test_dataset."""
    return load_omniglot_dataset(root="omniglot")


@pytest.fixture(scope="module")
def train_loader(datasets: tuple[OmniglotDataset, OmniglotDataset]) -> DataLoader[Batch]:
    """Return the loader of the basic training; 3 tasks in batches of 2, instead of 2,000 in batches of 4."""
    train_dataset, _test_dataset = datasets
    train_task_dataset = OmniglotTaskDataset(train_dataset, n_way=5, k_shot=1, num_query=15, num_tasks=3)
    return DataLoader(train_task_dataset, batch_size=2, shuffle=True)


@pytest.fixture(scope="module")
def test_loader(datasets: tuple[OmniglotDataset, OmniglotDataset]) -> DataLoader[Batch]:
    return DataLoader(OmniglotTaskDataset(datasets[1], n_way=5, k_shot=1, num_query=15, num_tasks=2), batch_size=2)


@pytest.fixture(scope="module")
def small_loader() -> DataLoader[Batch]:
    """Two batches of two tasks at 28x28, always the same ones."""
    train_dataset, _test_dataset = load_omniglot_dataset(image_size=28)
    return DataLoader(OmniglotTaskDataset(train_dataset, n_way=3, k_shot=2, num_query=2, num_tasks=4), batch_size=2)


@pytest.fixture(scope="module")
def trained(train_loader: DataLoader[Batch]) -> tuple[LatentEmbeddingOptimization, list[float]]:
    """Basic training."""
    return train_leo(
        num_classes=5,
        task_dataloader=train_loader,
        latent_dim=64,
        inner_lr=0.01,
        outer_lr=0.001,
        inner_steps=5,
    )


@pytest.fixture(scope="module")
def leo() -> LatentEmbeddingOptimization:
    """An untrained model with the documented defaults, in evaluation mode."""
    model = LatentEmbeddingOptimization(num_classes=5, latent_dim=64, inner_lr=0.01, outer_lr=0.001, inner_steps=5)
    model.eval()
    return model


def images(n: int, seed: int = 0) -> Tensor:
    return torch.rand(n, 1, 105, 105, generator=torch.Generator().manual_seed(seed))


def test_basic_training_returns_the_model_and_one_loss_per_batch(
    trained: tuple[LatentEmbeddingOptimization, list[float]],
) -> None:
    leo, losses = trained
    assert isinstance(leo, LatentEmbeddingOptimization)
    assert len(losses) == 2
    assert all(isinstance(loss, float) and math.isfinite(loss) for loss in losses)


def test_train_leo_shows_progress(small_loader: DataLoader[Batch], capsys: pytest.CaptureFixture[str]) -> None:
    train_leo(num_classes=3, task_dataloader=small_loader, inner_steps=1)
    assert "2/2" in capsys.readouterr().err


def test_batches_have_the_documented_shapes(train_loader: DataLoader[Batch]) -> None:
    support_data, support_labels, query_data, query_labels = next(iter(train_loader))
    assert support_data.shape == (2, 5, 1, 105, 105) and query_data.shape == (2, 75, 1, 105, 105)
    assert support_labels.shape == (2, 5) and query_labels.shape == (2, 75)
    assert support_data.dtype == torch.float32 and support_labels.dtype == torch.int64


def test_manual_training_loop(train_loader: DataLoader[Batch]) -> None:
    leo = LatentEmbeddingOptimization(num_classes=5, latent_dim=64, inner_lr=0.01, outer_lr=0.001, inner_steps=5)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    leo = leo.to(device)
    before = {name: value.detach().clone() for name, value in leo.named_parameters()}
    for task_batch in list(train_loader)[:1]:
        support_data, support_labels, query_data, query_labels = task_batch
        support_data = support_data.to(device)
        support_labels = support_labels.to(device)
        query_data = query_data.to(device)
        query_labels = query_labels.to(device)
        loss = leo.meta_train_step(support_data, support_labels, query_data, query_labels)
        assert math.isfinite(loss) and f"Loss: {loss:.4f}"
    for part in ["encoder", "relation_net", "decoder", "classifier"]:
        moved = [
            not torch.equal(value, before[name]) for name, value in leo.named_parameters() if name.startswith(part)
        ]
        assert any(moved), f"{part} was not trained"


def test_adaptation_to_a_new_task(
    trained: tuple[LatentEmbeddingOptimization, list[float]], test_loader: DataLoader[Batch]
) -> None:
    leo, _losses = trained
    device = next(leo.parameters()).device
    leo.eval()
    support_data, support_labels, query_data, query_labels = next(iter(test_loader))
    support_data = support_data[0].to(device)
    support_labels = support_labels[0].to(device)
    query_data = query_data[0].to(device)
    query_labels = query_labels[0].to(device)

    initial_codes = leo.encode_task(support_data, support_labels)
    adapted_codes = leo.inner_update(support_data, support_labels, initial_codes)
    adapted_params = leo.decode_to_params(adapted_codes)
    query_logits = leo.classifier(query_data, adapted_params)
    predictions = query_logits.argmax(dim=1)
    accuracy = (predictions == query_labels).float().mean()

    assert initial_codes.shape == adapted_codes.shape == (N_WAY, LATENT)
    assert not torch.equal(initial_codes, adapted_codes)
    assert {name: tuple(value.shape) for name, value in adapted_params.items()} == {
        "fc.weight": (N_WAY, FEATURES),
        "fc.bias": (N_WAY,),
    }
    assert query_logits.shape == (75, N_WAY)
    assert 0 <= accuracy.item() <= 1


def test_inner_update_lowers_the_support_loss(leo: LatentEmbeddingOptimization) -> None:
    support, labels = images(N_WAY), torch.arange(N_WAY)
    start = leo.encode_task(support, labels)
    end = leo.inner_update(support, labels, start)
    losses = [
        torch.nn.functional.cross_entropy(leo.classifier(support, leo.decode_to_params(codes)), labels).item()
        for codes in (start, end)
    ]
    assert losses[1] < losses[0]


def test_parameters_flatten_and_unflatten() -> None:
    decoder = LEODecoder()
    codes = torch.randn(LATENT, generator=torch.Generator().manual_seed(0))
    x = torch.relu(decoder.fc2(torch.relu(decoder.fc1(codes))))
    flattened_params = decoder.fc3(x)
    assert flattened_params.shape == (11525,)
    param_dict = {}
    idx = 0
    for name, shape in decoder.param_shapes:
        param_size = np.prod(shape)
        param_dict[name] = flattened_params[idx : idx + param_size].reshape(shape)
        idx += param_size
    assert idx == 11525
    assert {name: tuple(value.shape) for name, value in param_dict.items()} == {"fc.weight": (5, 2304), "fc.bias": (5,)}
    for name, value in decoder(codes).items():
        torch.testing.assert_close(value, param_dict[name])
    assert decoder.flat(torch.zeros(3, LATENT)).shape == (3, 11525)


def test_encoder_shapes_and_layers() -> None:
    encoder = LEOEncoder()
    assert encoder(images(3)).shape == (3, LATENT)
    convolutions = [m for m in encoder.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(m.in_channels, m.out_channels, m.kernel_size) for m in convolutions] == [
        (1, 64, (3, 3)),
        *[(64, 64, (3, 3))] * 3,
    ]
    (linear,) = (m for m in encoder.modules() if isinstance(m, torch.nn.Linear))
    assert (linear.in_features, linear.out_features) == (64 * 6 * 6, LATENT)
    assert LEOEncoder(latent_dim=32)(images(2)).shape == (2, 32)


def test_relation_network_shapes_and_layers() -> None:
    network = LEORelationNetwork()
    layers = [(m.in_features, m.out_features) for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert layers == [(2 * LATENT, LATENT), (LATENT, LATENT)]
    assert network(torch.zeros(3, LATENT), torch.zeros(3, LATENT)).shape == (3, LATENT)


def test_decoder_layers_and_count() -> None:
    decoder = LEODecoder()
    layers = [(m.in_features, m.out_features) for m in decoder.modules() if isinstance(m, torch.nn.Linear)]
    assert layers == [(64, 256), (256, 512), (512, 11525)]
    assert decoder.total_param_count == 5 * 2304 + 5 == 11525
    assert list(decoder.param_shapes) == [("fc.weight", (5, 2304)), ("fc.bias", (5,))]


def test_classifier_forward_passes_and_counts() -> None:
    classifier, decoder = LEOClassifier(), LEODecoder()
    x = images(2)
    features = classifier.extract_features(x)
    assert features.shape == (2, FEATURES)
    assert classifier(x).shape == (2, N_WAY)  # the default head
    fc_params = decoder(torch.zeros(N_WAY, LATENT))
    expected = features @ fc_params["fc.weight"].T + fc_params["fc.bias"]
    torch.testing.assert_close(classifier(x, fc_params), expected)
    convolutions = [m for m in classifier.modules() if isinstance(m, torch.nn.Conv2d)]
    norms = [m for m in classifier.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert sum(p.numel() for m in convolutions for p in m.parameters()) == 111_424
    assert sum(p.numel() for m in norms for p in m.parameters()) == 512
    assert sum(p.numel() for p in classifier.parameters()) == 111_424 + 512 + 11_525


def test_class_codes_are_refined_by_all_pairs(leo: LatentEmbeddingOptimization) -> None:
    class_codes = torch.randn(N_WAY, LATENT, generator=torch.Generator().manual_seed(1))
    refined = leo.apply_relation_network(class_codes)
    assert refined.shape == (N_WAY, LATENT)
    for i in range(N_WAY):
        relations = [leo.relation_net(class_codes[i], class_codes[j]) for j in range(N_WAY)]
        torch.testing.assert_close(refined[i], torch.stack(relations).mean(dim=0))


def test_task_is_encoded_as_refined_class_means(leo: LatentEmbeddingOptimization) -> None:
    support = images(2 * N_WAY)
    labels = torch.arange(N_WAY).repeat(2)  # 2-shot, classes interleaved
    codes = leo.encoder(support)
    means = torch.stack([codes[labels == label].mean(0) for label in range(N_WAY)])
    torch.testing.assert_close(
        leo.encode_task(support, labels), leo.apply_relation_network(means), rtol=1e-4, atol=1e-5
    )


def test_inner_update_follows_the_latent_gradient(leo: LatentEmbeddingOptimization) -> None:
    """z <- z - 0.01 dL/dz, five times, by the definition."""
    support, labels = images(N_WAY), torch.arange(N_WAY)
    start = leo.encode_task(support, labels).detach()
    expected = start
    for _ in range(5):
        point = expected.clone().requires_grad_()
        logits = leo.classifier(support, leo.decode_to_params(point))
        (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, labels), point)
        expected = expected - 0.01 * gradient
    adapted = leo.inner_update(support, labels, start)
    torch.testing.assert_close(adapted - start, expected - start, rtol=1e-3, atol=1e-7)


def test_training_again_gives_the_same_losses(small_loader: DataLoader[Batch]) -> None:
    first = train_leo(num_classes=3, task_dataloader=small_loader)[1]
    assert train_leo(num_classes=3, task_dataloader=small_loader)[1] == first
    assert train_leo(num_classes=3, task_dataloader=small_loader, seed=1)[1] != first


def test_outer_gradient_is_clipped_by_its_global_norm(small_loader: DataLoader[Batch]) -> None:
    """Plain gradient descent at rate 1 moves all parameters together by the clipped gradient's length."""
    leo = LatentEmbeddingOptimization(
        num_classes=3, outer_lr=1.0, optimizer_cls=torch.optim.SGD, image_size=28, clip_norm=0.01
    )
    before = [value.detach().double() for value in leo.parameters()]
    leo.meta_train_step(*next(iter(small_loader)))
    moved = [value.detach().double() - start for value, start in zip(leo.parameters(), before, strict=True)]
    assert math.sqrt(sum(step.square().sum().item() for step in moved)) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
def test_class_by_class_decoding_learns(device: str) -> None:
    """The recommended form climbs well above chance within a few updates on four characters that never change."""
    train_dataset, _test_dataset = load_omniglot_dataset(image_size=28)
    task = OmniglotTaskDataset(train_dataset, n_way=4, k_shot=1, num_query=5, num_tasks=1)[0]
    batch = tuple(tensor[None].to(device) for tensor in task)
    leo = LatentEmbeddingOptimization(num_classes=4, inner_steps=2, image_size=28, decode="class").to(device)
    losses = [leo.meta_train_step(*batch) for _ in range(40)]
    assert losses[-1] < 0.3 < math.log(4) * 0.9 < losses[0]


def test_wrong_settings_and_labels_are_named(small_loader: DataLoader[Batch]) -> None:
    with pytest.raises(LeoBenchError, match=r"unknown setting 'decod'.*did you mean 'decode'"):
        LatentEmbeddingOptimization(decod="class")
    with pytest.raises(LeoBenchError, match="give num_classes the n_way of the tasks"):
        train_leo(num_classes=5, task_dataloader=small_loader)
    turns = {"decode": "class", "encoder": "shared", "train_support": "each", "image_size": 16}
    leo = LatentEmbeddingOptimization(num_classes=2, **turns)
    images, labels = torch.rand(1, 8, 1, 16, 16), torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1]])
    leo.meta_train_step(images[:, ::2], labels[:, ::2], images[:, 1::2], labels[:, 1::2])
    for support, query in ((slice(0, 8, 2), slice(1, 6)), (slice(0, 8, 2), slice(1, 8, 4)), (slice(1, 8), slice(1, 8))):
        with pytest.raises(LeoBenchError, match=r"train_support=each .* equally many"):
            leo.meta_train_step(images[:, support], labels[:, support], images[:, query], labels[:, query])
    with pytest.raises(LeoBenchError, match="yields no task"):
        train_leo(num_classes=5, task_dataloader=[])


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (torch.tensor([0.0, 1.0, 2.0]), r"float32 of the shape \[3\]: expected int64 of the shape \[3\]"),
        (torch.tensor([[0], [1], [2]]), r"int64 of the shape \[3, 1\]: expected int64 of the shape \[3\]"),
        (torch.tensor([0, 1]), r"int64 of the shape \[2\]: expected int64 of the shape \[3\]"),
        (torch.tensor([0, 1, 10**9]), "those of task 0 are 0, 1, 1000000000"),
    ],
)
def test_labels_that_do_not_fit_the_support_images_are_named(labels: torch.Tensor, words: str) -> None:
    leo, images = LatentEmbeddingOptimization(preset="leo", image_size=28).eval(), torch.zeros(3, 1, 28, 28)
    with pytest.raises(LeoBenchError, match=words):
        leo.encode_task(images, labels)
    with pytest.raises(LeoBenchError, match=words):
        leo.inner_update(images, labels, torch.zeros(3, leo.settings.latent_dim))


def test_codes_of_another_shape_are_named() -> None:
    leo = LatentEmbeddingOptimization(num_classes=3, latent_dim=8, image_size=28).eval()
    images, labels = torch.zeros(3, 1, 28, 28), torch.arange(3)
    for wrong in (torch.zeros(3, 9), torch.zeros(8), torch.zeros(1, 3, 8)):
        for call in (leo.decode_to_params, leo.apply_relation_network, lambda c: leo.inner_update(images, labels, c)):
            with pytest.raises(LeoBenchError, match=r"codes have the shape .*: expected \[classes, 8\]"):
                call(wrong)
    with pytest.raises(LeoBenchError, match="each class 0 to 3 of every task"):
        leo.inner_update(images, labels, torch.zeros(4, 8))


@pytest.mark.parametrize("name", sorted(NOT_READ))
def test_settings_that_only_a_run_reads_are_refused(name: str) -> None:
    value = {**make_settings({}).canonical(), "n_way": 5}[name]
    with pytest.raises(LeoBenchError, match=f"{name} has no effect here; ") as error:
        LatentEmbeddingOptimization(**{name: value})
    assert "\n" not in str(error.value)


def test_a_preset_can_be_the_path_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('preset = "leo"\n[settings]\nlatent_dim = 12\n')
    assert LatentEmbeddingOptimization(preset=tmp_path / "own.toml", image_size=28).settings.latent_dim == 12
