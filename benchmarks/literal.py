"""Literal algorithm: LEO written directly from the source document, as the reference for speed.

It works on one episode, one class and one pair of classes at a time, computes support features again at each inner
step, and uses float32 and the layers of torch. Each class code decodes its own row of the head, as in the preset
`leo`. A test checks that both compute the same numbers.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def convolutions() -> nn.Sequential:
    """Return the four blocks of the document and the flattening."""
    layers: list[nn.Module] = []
    for n_in in (1, 64, 64, 64):
        layers += [nn.Conv2d(n_in, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten())


class LiteralLeo(nn.Module):
    """Encoder, relation network, decoder and classifier for images of one size."""

    def __init__(self, image_size: int, latent_dim: int = 64, inner_steps: int = 5, inner_lr: float = 0.01) -> None:
        super().__init__()
        self.feature_dim = 64 * (image_size // 16) ** 2
        self.inner_steps, self.inner_lr = inner_steps, inner_lr
        self.encoder = nn.Sequential(convolutions(), nn.Linear(self.feature_dim, latent_dim))
        self.relation = nn.Sequential(
            nn.Linear(2 * latent_dim, latent_dim), nn.ReLU(), nn.Linear(latent_dim, latent_dim)
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(latent_dim, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU()),
            nn.Linear(512, self.feature_dim + 1),
        )
        self.classifier = convolutions()

    def encode(self, support_x: Tensor, support_y: Tensor, n_way: int) -> Tensor:
        """Return class codes [N, D] of one support set, each the mean of its relations to all classes."""
        codes = self.encoder(support_x)
        classes = [codes[support_y == label].mean(0) for label in range(n_way)]
        refined = [torch.stack([self.relation(torch.cat([a, b])) for b in classes]).mean(0) for a in classes]
        return torch.stack(refined)

    def logits(self, codes: Tensor, images: Tensor) -> Tensor:
        """Return logits [B, N] of the head that is decoded from the codes, class by class."""
        rows = torch.stack([self.decoder(code) for code in codes])
        return F.linear(self.classifier(images), rows[:, :-1], rows[:, -1])

    def adapt(self, support_x: Tensor, support_y: Tensor, n_way: int) -> Tensor:
        """Return class codes [N, D] after the inner steps, differentiable through them."""
        codes = self.encode(support_x, support_y, n_way)
        for _ in range(self.inner_steps):
            loss = F.cross_entropy(self.logits(codes, support_x), support_y)
            (gradient,) = torch.autograd.grad(loss, codes, create_graph=True)
            codes = codes - self.inner_lr * gradient
        return codes

    def outer_step(self, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, ...], n_way: int) -> float:
        """Do one update on a meta-batch, episode by episode. Returns the loss."""
        optimizer.zero_grad()
        losses = []
        for support_x, support_y, query_x, query_y in zip(*batch, strict=True):
            codes = self.adapt(support_x, support_y, n_way)
            losses.append(F.cross_entropy(self.logits(codes, query_x), query_y))
        loss = torch.stack(losses).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        optimizer.step()
        return loss.item()
