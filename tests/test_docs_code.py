"""Code in the docs: it runs as pasted, with fewer tasks, and the recipe that it gives is the one that it names."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from leo_bench.config import make_settings

ROOT = Path(__file__).parents[1]


def blocks(page: str) -> list[str]:
    """Return the indented code of a page that starts with an import."""
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", (ROOT / page).read_text(), re.MULTILINE)
    code = [textwrap.dedent(block).strip() for block in found]
    return [block for block in code if block.startswith(("from ", "import "))]


CODE = [(page, index) for page in ("README.md", "docs/use.md") for index in range(len(blocks(page)))]


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def test_the_pages_have_code() -> None:
    assert CODE == [("README.md", 0), ("docs/use.md", 0), ("docs/use.md", 1)]


@pytest.mark.parametrize(("page", "index"), CODE)
def test_code_runs_as_pasted(page: str, index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the root of a checkout, with one batch of a few tasks."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LEO_BENCH_OFFLINE", "1")
    names = run(re.sub(r"num_tasks=\d+", "num_tasks=2", blocks(page)[index]))
    assert ("losses" in names) == ("train_leo" in names)


def test_the_recipe_of_tuned_is_that_of_the_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks and batches of the code, and the settings that its data loader decides."""
    monkeypatch.setenv("LEO_BENCH_OFFLINE", "1")
    (code,) = (block for block in blocks("docs/use.md") if "train_leo" in block)
    names = run(code[: code.index("leo, losses")])
    tasks, preset = names["tasks"], make_settings({}, "tuned")
    spec = tasks.sampler.spec
    assert (spec.n_way, spec.k_shot, spec.n_query, spec.mode) == (
        preset.ways_in_training,
        preset.shots_in_training,
        preset.queries_in_training,
        preset.episode_mode,
    )
    assert len(tasks) == preset.n_train_episodes and f"batch_size={preset.meta_batch_size})" in code
    (pool,) = tasks.sampler.pools
    assert len(pool) == (4 if preset.rotations else 1) * len(names["train"].characters)
    assert names["train"].bank.images.shape[-1] == preset.image_size and preset.augmentation == "none"
