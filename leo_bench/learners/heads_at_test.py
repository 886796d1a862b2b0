"""Classifiers that answer a test on the features of a trained learner, in place of its own (the setting test_head).

Letters as in base.py; F length of the features.
"""

import warnings
from abc import abstractmethod

import numpy as np
import torch
import torch.nn.functional as F
from threadpoolctl import threadpool_limits
from torch import Tensor

from leo_bench.config import Settings
from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner
from leo_bench.learners.inner_loop import steps_to_score
from leo_bench.models.prototypes import nearest_neighbour_logits, prototype_head

MOST_STEPS = 1000
"""Steps of the solver after which a logistic regression counts as failed; about 10 are usual."""
GRADIENT = 1e-6
"""Largest derivative of the loss at the solution of a logistic regression. scikit-learn's own 1e-4 leaves answers that
another solver changes."""


class HeadAtTest(Learner):
    """A classifier on the features of a trained learner whose CNN is the same for all episodes. Eval mode only."""

    def __init__(self, trained: Learner, settings: Settings) -> None:
        super().__init__()
        self.trained = trained
        self.batch_norm = trained.batch_norm

    def image_features(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.trained.query_features(images)[0].flatten(1),)

    def episode_logits(self, support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> list[Tensor]:
        images = torch.cat([support_x, query_x], dim=1)
        features = self.image_features(images.flatten(0, 1))[0].unflatten(0, images.shape[:2])
        n_support = support_x.shape[1]
        return self.head_logits(features[:, :n_support], support_y, features[:, n_support:], n_way)

    def logits_from_features(
        self, support: tuple[Tensor, ...], support_y: Tensor, query: tuple[Tensor, ...], n_way: int
    ) -> list[Tensor]:
        return self.head_logits(support[0], support_y, query[0], n_way)

    @abstractmethod
    def head_logits(self, support: Tensor, support_y: Tensor, query: Tensor, n_way: int) -> list[Tensor]:
        """Return logits [E, M, N] of queries at each of scored_steps.

        support: features [E, N * K, F]; support_y: int64 [E, N * K]; query: features [E, M, F].
        """


class NearestNeighbourHead(HeadAtTest):
    """The class of the nearest support image."""

    def head_logits(self, support: Tensor, support_y: Tensor, query: Tensor, n_way: int) -> list[Tensor]:
        return [nearest_neighbour_logits(support, support_y, query, n_way)]


class LogisticRegressionHead(HeadAtTest):
    """Multinomial logistic regression with an L2 penalty, fitted to each support set by scikit-learn.

    The strength of the penalty is 1 / test_head_c. Two classes have the binary form of scikit-learn, one weight vector.
    """

    def __init__(self, trained: Learner, settings: Settings) -> None:
        super().__init__(trained, settings)
        self.c = settings.test_head_c

    def head_logits(self, support: Tensor, support_y: Tensor, query: Tensor, n_way: int) -> list[Tensor]:
        """Return logits as HeadAtTest does. Raises LeoBenchError if a fit does not converge."""
        episodes = zip(*(part.detach().cpu().numpy() for part in (support, support_y, query)), strict=True)
        with threadpool_limits(1, user_api="blas"):  # the matrices are small, and more threads could change bits
            logits = np.stack([self._fitted(*episode) for episode in episodes])
        return [torch.from_numpy(logits).to(query)]

    def _fitted(self, support: np.ndarray, labels: np.ndarray, query: np.ndarray) -> np.ndarray:
        """Return the logits of one episode, float64 [M, N]."""
        from sklearn.exceptions import ConvergenceWarning  # slow to import, and few runs need it
        from sklearn.linear_model import LogisticRegression

        # The solution lies in the span of the support set, which has fewer dimensions than the features.
        directions = np.linalg.qr(support.T.astype(np.float64))[0]
        model = LogisticRegression(C=self.c, solver="newton-cg", tol=GRADIENT, max_iter=MOST_STEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(support @ directions, labels)
            except ConvergenceWarning as warning:
                raise LeoBenchError(
                    f"logistic regression on a support set did not converge ({str(warning).splitlines()[0]}); lower "
                    f"test_head_c, which is {self.c:g}"
                ) from None
        scores = model.decision_function(query @ directions)
        return np.stack([-scores, scores], axis=1) / 2 if scores.ndim == 1 else scores


class DescendedPrototypes(HeadAtTest):
    """A linear layer that starts as the class prototypes and descends the support set's mean cross-entropy.

    The head of Proto-MAML (Triantafillou et al. 2020, "Meta-Dataset", section 3) on features that stay as they are:
    test_inner_steps steps of test_inner_lr on weights and biases. Before the first step it is the nearest class mean.
    """

    def __init__(self, trained: Learner, settings: Settings) -> None:
        super().__init__(trained, settings)
        assert settings.test_inner_steps is not None and settings.test_inner_lr is not None  # Settings require both
        self.inner_steps, self.inner_lr = settings.test_inner_steps, settings.test_inner_lr

    @property
    def scored_steps(self) -> list[int]:
        return steps_to_score(self.inner_steps)

    def head_logits(self, support: Tensor, support_y: Tensor, query: Tensor, n_way: int) -> list[Tensor]:
        weight, bias = prototype_head(support, support_y, n_way)
        member = F.one_hot(support_y, n_way).to(support.dtype)
        logits = []
        for step in range(self.inner_steps + 1):
            if step in self.scored_steps:
                logits.append(query @ weight.transpose(1, 2) + bias[:, None])
            if step < self.inner_steps:
                # the gradient of a mean cross-entropy by its logits, [E, N * K, N]
                error = ((support @ weight.transpose(1, 2) + bias[:, None]).softmax(-1) - member) / support.shape[1]
                weight = weight - self.inner_lr * error.transpose(1, 2) @ support
                bias = bias - self.inner_lr * error.sum(1)
        return logits


TEST_HEADS: dict[str, type[HeadAtTest]] = {
    "nearest_neighbour": NearestNeighbourHead,
    "logistic_regression": LogisticRegressionHead,
    "descended_prototypes": DescendedPrototypes,
}
"""Value of the setting test_head -> classifier. `own` needs none."""
