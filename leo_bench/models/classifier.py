"""The classifier: a Conv-4 shared by all episodes, and a linear head, its own or generated."""

import torch.nn.functional as F
from torch import Tensor, nn

from leo_bench.models.backbone import WIDTH, Conv4
from leo_bench.models.stem import Stem


class LEOClassifier(nn.Module):
    """Shared CNN and head (the document, LEOClassifier).

    Without default_head it is the CNN alone, and forward needs params.
    """

    def __init__(
        self,
        num_classes: int = 5,
        image_size: int = 105,
        precision: str = "float32",
        default_head: bool = True,
        conv_bias: bool = True,
        width: int = WIDTH,
        stem: Stem | None = None,
    ) -> None:
        super().__init__()
        self.backbone = Conv4(image_size, precision, conv_bias, width, stem)
        self.feature_dim = self.backbone.feature_dim
        if default_head:
            self.fc = nn.Linear(self.feature_dim, num_classes)

    def extract_features(self, x: Tensor) -> Tensor:
        """Return features [B, feature_dim] of images x, [B, 1, H, W]."""
        return self.backbone(x)

    def forward(self, x: Tensor, params: dict[str, Tensor] | None = None) -> Tensor:
        """Return logits [B, N] of images x by the default head, or by params.

        params: {"fc.weight": [N, feature_dim], "fc.bias": [N]}.
        """
        features = self.extract_features(x)
        if params is None:
            return self.fc(features)
        return F.linear(features, params["fc.weight"], params["fc.bias"])
