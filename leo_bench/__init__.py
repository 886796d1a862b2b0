"""leo_bench: the contribution of each part of LEO (Latent Embedding Optimization), measured on Omniglot.

This module has the interface of the source document, load_pretrained and read_drawings. Each name is imported when it
is first used, so that reports and --help need no torch.
"""

import importlib
from typing import Any

from leo_bench.models.compiled_code import find_place_for_compiled_code

_HOME = {
    "LatentEmbeddingOptimization": "leo_bench.api",
    "train_leo": "leo_bench.api",
    "load_pretrained": "leo_bench.api",
    "read_drawings": "leo_bench.data.own_drawings",
    "load_omniglot_dataset": "leo_bench.data.tasks",
    "OmniglotTaskDataset": "leo_bench.data.tasks",
    "LEOEncoder": "leo_bench.models.encoder",
    "LEORelationNetwork": "leo_bench.models.relation",
    "LEODecoder": "leo_bench.models.decoder",
    "LEOClassifier": "leo_bench.models.classifier",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    find_place_for_compiled_code()
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
