"""Shapes and counts of the source document, and where the project departs from it or from the paper, by name."""

import pytest
import torch
from tiny_leo import N_WAY, random_batch, stirred, tiny

from leo_bench.config import make_settings
from leo_bench.learners.factory import build
from leo_bench.learners.full_leo import FullLeo
from leo_bench.learners.leo import Leo
from leo_bench.models.backbone import adapted_conv4


def documented(**changes: object) -> Leo:
    leo = build(make_settings(changes))
    assert isinstance(leo, Leo)
    return leo


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_documented_model_generates_11_525_numbers() -> None:
    leo = documented()
    assert leo.n_generated(5) == leo.decoder.total_param_count == 5 * 2304 + 5 == 11_525
    assert documented(decode="class").n_generated(5) == 11_525
    assert documented(decode="class").n_generated(20) == 20 * 2305


def test_the_full_model_has_more_than_the_documents_111_680_parameters() -> None:
    # The document's number is neither with nor without its batch norm and head: these are the real ones.
    leo = documented()
    conv = sum(p.numel() for name, p in leo.classifier.named_parameters() if "conv" in name)
    norm = sum(p.numel() for name, p in leo.classifier.named_parameters() if "norm" in name)
    assert (conv, norm, leo.n_generated(5)) == (111_424, 512, 11_525)
    assert conv + norm + leo.n_generated(5) == 123_461


def test_the_documented_parts_have_the_documented_sizes() -> None:
    leo = documented()
    assert count(leo.classifier) == 111_424 + 512  # the head is decoded, so it has none of its own
    assert count(leo.encoder) == 111_424 + 512 + 2304 * 64 + 64
    assert count(leo.relation_net) == 128 * 64 + 64 + 64 * 64 + 64
    assert count(leo.decoder) == 64 * 256 + 256 + 256 * 512 + 512 + 512 * 11_525 + 11_525


def test_full_generates_changes_of_low_rank_beside_the_head() -> None:
    leo = build(make_settings({"generated": "full", "decode": "class", "image_size": 28}))
    assert leo.n_generated(5) == 4 * 64 * (8 + 2) + 5 * 65


def test_codes_are_negative_as_well() -> None:
    # Deviation from a known port: no ReLU at the end of the relation network.
    leo = documented(image_size=16)
    codes = leo.class_codes(torch.randn(4, 5, 64), torch.arange(5).expand(4, 5), 5)
    assert (codes < 0).any(-1).all()
    assert (codes > 0).any(-1).all()


def test_deviation_one_code_a_class_even_at_several_shots() -> None:
    # The authors' release adapts a code for each of the K images of a class; here their mean is adapted, as documented.
    leo = stirred(tiny(decode="class"))
    assert isinstance(leo, Leo)
    codes = leo.class_codes(torch.randn(1, 9, 5), torch.arange(3).repeat(1, 3), N_WAY)
    assert codes.shape == (1, N_WAY, 5)


def test_deviation_relations_are_between_classes_not_between_images() -> None:
    # The paper relates all pairs of images; the document, and this project, pairs of class means.
    leo = stirred(tiny(decode="class"))
    assert isinstance(leo, Leo)
    image_codes, labels = torch.randn(1, 6, 5), torch.tensor([[0, 1, 2, 0, 1, 2]])
    spread = torch.randn(1, 3, 5)
    same_means = image_codes + torch.cat([spread, -spread], dim=1)
    torch.testing.assert_close(leo.class_codes(same_means, labels, N_WAY), leo.class_codes(image_codes, labels, N_WAY))


def test_deviation_codes_are_deterministic() -> None:
    # The paper samples them in training.
    leo = stirred(tiny(decode="class")).train()
    support_x, support_y, query_x, _ = random_batch()
    first = leo.episode_logits(support_x, support_y, query_x, N_WAY)[-1]
    assert torch.equal(leo.episode_logits(support_x, support_y, query_x, N_WAY)[-1], first)


def test_deviation_full_has_no_convolution_bias() -> None:
    leo = build(make_settings({"generated": "full", "decode": "class", "image_size": 16}))
    assert isinstance(leo, FullLeo)
    assert not [name for name, _ in leo.classifier.named_parameters() if name.endswith("conv.bias")]
    assert [name for name, _ in documented(image_size=16).classifier.named_parameters() if name.endswith("conv.bias")]


def test_deviation_full_normalises_by_the_support_set_in_training_and_at_test() -> None:
    leo = stirred(tiny(decode="class", generated="full", encoder="shared"))
    support_x, support_y, query_x, _ = random_batch()
    with torch.no_grad():
        training = leo.train().episode_logits(support_x, support_y, query_x, N_WAY)[-1]
        test = leo.eval().episode_logits(support_x, support_y, query_x, N_WAY)[-1]
    torch.testing.assert_close(training, test, rtol=1e-4, atol=1e-5)
    assert leo.batch_norm == "support"
    assert not [name for name, b in leo.named_buffers() if name.endswith("tracked") and b > 0]


def test_a_shared_cnn_is_normalised_by_support_and_query_in_training_and_by_running_statistics_at_test() -> None:
    leo = stirred(tiny(decode="class"))
    support_x, support_y, query_x, _ = random_batch()
    with torch.no_grad():
        training = leo.train().episode_logits(support_x, support_y, query_x, N_WAY)[-1]
        brighter = leo.episode_logits(support_x, support_y, torch.cat([query_x[:, :1], 3 * query_x[:, 1:]], 1), N_WAY)[
            -1
        ]
        assert (brighter - training)[:, 0].abs().max() > 1e-3  # a query notices the others, in training
        test = leo.eval().episode_logits(support_x, support_y, query_x, N_WAY)[-1]
        brighter = leo.episode_logits(support_x, support_y, torch.cat([query_x[:, :1], 3 * query_x[:, 1:]], 1), N_WAY)[
            -1
        ]
        torch.testing.assert_close(brighter[:, 0], test[:, 0], rtol=1e-4, atol=1e-5)  # and not at test
    assert leo.batch_norm == "running"


def test_full_starts_at_the_shared_cnn() -> None:
    leo = build(tiny(decode="class", generated="full"))
    assert isinstance(leo, FullLeo)
    images = random_batch()[0]
    torch.testing.assert_close(leo.features(torch.randn(2, 3, 5), images, 4), leo.features(None, images, 4))


def test_full_generates_from_the_mean_of_the_class_codes() -> None:
    leo = stirred(tiny(decode="class", generated="full"))
    assert isinstance(leo, FullLeo)
    images, codes = random_batch()[0], torch.randn(2, 3, 5)
    changes = leo.generator(codes.mean(1))
    blocks = leo.classifier.backbone.blocks
    kernels = [b.conv.weight + c[0] for b, c in zip(blocks, changes, strict=True)]
    scales = [b.norm.weight + c[1] for b, c in zip(blocks, changes, strict=True)]
    shifts = [b.norm.bias + c[2] for b, c in zip(blocks, changes, strict=True)]
    torch.testing.assert_close(leo.features(codes, images, 4), adapted_conv4(images, kernels, scales, shifts, 4))
    assert not torch.allclose(leo.features(codes, images, 4), leo.features(None, images, 4), atol=1e-2)


@pytest.mark.parametrize(
    ("generated", "steps", "expected"), [("head", 3, [0, 1, 2, 3]), ("full", 3, [0, 3]), ("full", 0, [0])]
)
def test_steps_that_are_scored(generated: str, steps: int, expected: list[int]) -> None:
    assert build(tiny(decode="class", generated=generated, inner_steps=steps)).scored_steps == expected
