"""Data: finding Omniglot or drawing glyphs, class splits, episodes. What needs torch is imported when first used."""

import importlib
from typing import TYPE_CHECKING, Any

from leo_bench.data.describe import describe, draw_sheets
from leo_bench.data.locate import DataSource, locate

if TYPE_CHECKING:
    from leo_bench.data.bank import ImageBank, load_images
    from leo_bench.data.episodes import Episodes, EpisodeSampler, EpisodeSpec, fixed_episodes, gather
    from leo_bench.data.splits import class_split
    from leo_bench.data.tasks import OmniglotTaskDataset, load_omniglot_dataset

__all__ = [
    "DataSource",
    "EpisodeSampler",
    "EpisodeSpec",
    "Episodes",
    "ImageBank",
    "OmniglotTaskDataset",
    "class_split",
    "describe",
    "draw_sheets",
    "fixed_episodes",
    "gather",
    "gather_drawn",
    "load_images",
    "load_omniglot_dataset",
    "locate",
]

_MODULE_OF = {
    "ImageBank": "bank",
    "load_images": "bank",
    "Episodes": "episodes",
    "EpisodeSampler": "episodes",
    "EpisodeSpec": "episodes",
    "fixed_episodes": "episodes",
    "gather": "episodes",
    "gather_drawn": "episodes",
    "class_split": "splits",
    "OmniglotTaskDataset": "tasks",
    "load_omniglot_dataset": "tasks",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
