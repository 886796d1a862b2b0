"""Encoders and the classifier: shapes, and what each one looks at."""

import pytest
import torch
import torch.nn.functional as F

from leo_bench.models.classifier import LEOClassifier
from leo_bench.models.encoder import LEOEncoder, SharedEncoder


def test_the_documents_shapes_at_105x105() -> None:
    images = torch.rand(2, 1, 105, 105)
    encoder, classifier = LEOEncoder().eval(), LEOClassifier().eval()
    with torch.no_grad():
        assert encoder(images).shape == (2, 64)
        assert classifier.extract_features(images).shape == (2, 2304)
        assert classifier(images).shape == (2, 5)
    assert encoder.fc.weight.shape == (64, 2304)
    assert classifier.fc.weight.shape == (5, 2304)


def test_the_separate_encoder_is_a_cnn_and_a_linear_layer() -> None:
    torch.manual_seed(0)
    encoder, images = LEOEncoder(latent_dim=7, image_size=16).eval(), torch.rand(2, 3, 1, 16, 16)
    expected = F.linear(encoder.backbone(images.flatten(0, 1)), encoder.fc.weight, encoder.fc.bias).unflatten(0, (2, 3))
    torch.testing.assert_close(encoder.encode(images, torch.zeros(2, 3, 64)), expected)
    torch.testing.assert_close(encoder(images[0]), expected[0])


def test_the_separate_encoder_normalises_by_one_episodes_images_when_training() -> None:
    torch.manual_seed(0)
    encoder, images = LEOEncoder(latent_dim=7, image_size=16).train(), torch.rand(2, 3, 1, 16, 16)
    images[1] *= 0.1
    codes = encoder.encode(images, images)
    torch.testing.assert_close(codes[0], encoder(images[0]), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(codes.flatten(0, 1), encoder(images.flatten(0, 1)), atol=1e-2)


def test_the_shared_encoder_is_a_linear_map_of_features_without_bias() -> None:
    torch.manual_seed(0)
    encoder, features = SharedEncoder(feature_dim=8, latent_dim=3), torch.rand(2, 4, 8)
    assert [name for name, _ in encoder.named_parameters()] == ["fc.weight"]
    torch.testing.assert_close(encoder.encode(torch.rand(2, 4, 1, 16, 16), features), features @ encoder.fc.weight.T)
    assert encoder.encode(torch.zeros(1), torch.zeros(2, 4, 8)).abs().max() == 0


def test_a_head_may_be_brought_along() -> None:
    torch.manual_seed(0)
    classifier, images = LEOClassifier(num_classes=4, image_size=16).eval(), torch.rand(3, 1, 16, 16)
    own = {"fc.weight": classifier.fc.weight, "fc.bias": classifier.fc.bias}
    torch.testing.assert_close(classifier(images, own), classifier(images))
    brought = {"fc.weight": torch.randn(6, 64), "fc.bias": torch.randn(6)}
    expected = classifier.extract_features(images) @ brought["fc.weight"].T + brought["fc.bias"]
    torch.testing.assert_close(classifier(images, brought), expected)


def test_without_a_default_head_there_is_the_cnn_alone() -> None:
    classifier = LEOClassifier(image_size=16, default_head=False).eval()
    assert sum(parameter.numel() for parameter in classifier.parameters()) == 111_424 + 512
    with pytest.raises(AttributeError):
        classifier(torch.rand(1, 1, 16, 16))
