"""Small Omniglot look-alikes in every accepted form, and the real data where it is found."""

from pathlib import Path

import pytest
import torch
from omniglot_lookalike import SMALL, small_files, write_folders, write_zips

from leo_bench.data import omniglot
from leo_bench.data.bank import ImageBank, load_images
from leo_bench.data.locate import DataSource, locate
from leo_bench.errors import LeoBenchError


@pytest.fixture(autouse=True)
def quiet_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's data or cache, or the network."""
    monkeypatch.setenv("LEO_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LEO_BENCH_OFFLINE", "1")
    monkeypatch.delenv("LEO_BENCH_DATA", raising=False)


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    return small_files()


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for what is slow to make, used by the fixtures below only."""
    return tmp_path_factory.mktemp("session-cache")


@pytest.fixture
def expect_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the reader expect the small look-alike instead of all of Omniglot."""
    monkeypatch.setattr(omniglot, "omniglot_listing", lambda: SMALL)


@pytest.fixture
def small_zips(files: dict[str, bytes], tmp_path: Path, expect_small: None) -> DataSource:
    write_zips(files, tmp_path / "small")
    return DataSource("omniglot", "zips", tmp_path / "small")


@pytest.fixture(scope="session")
def small_bank(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> ImageBank:
    """The small look-alike at its original size, not cached."""
    root = tmp_path_factory.mktemp("small-bank")
    write_folders(files, root)
    drawings = omniglot.read(DataSource("omniglot", "folders", root), SMALL)
    return ImageBank(
        "omniglot",
        drawings.digest,
        torch.from_numpy(drawings.images),
        drawings.alphabets,
        drawings.characters,
        drawings.background,
    )


@pytest.fixture(scope="session")
def full_bank() -> ImageBank:
    """All of Omniglot's characters by name, each drawing a single grey level."""
    listing = omniglot.omniglot_listing()
    names = [
        (alphabet, number, set_name == "images_background")
        for set_name in listing
        for alphabet, size in sorted(listing[set_name].items())
        for number in range(1, size + 1)
    ]
    levels = torch.arange(len(names) * 20).remainder(256).to(torch.uint8)
    return ImageBank(
        "omniglot",
        "none",
        levels.reshape(-1, 20, 1, 1).expand(-1, -1, 2, 2).contiguous(),
        tuple(alphabet for alphabet, _, _ in names),
        tuple(f"{alphabet}/character{number:02}" for alphabet, number, _ in names),
        tuple(background for _, _, background in names),
    )


@pytest.fixture(scope="session")
def glyph_bank(session_cache: Path) -> ImageBank:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEO_BENCH_CACHE", str(session_cache))
        return load_images(locate("glyphs"), 28)


@pytest.fixture(scope="session")
def real_source(session_cache: Path) -> DataSource:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEO_BENCH_OFFLINE", "1")
        try:
            return locate("omniglot")
        except LeoBenchError:
            pytest.skip("the real Omniglot is not on this machine")


@pytest.fixture(scope="session")
def real_bank(real_source: DataSource, session_cache: Path) -> ImageBank:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEO_BENCH_CACHE", str(session_cache))
        return load_images(real_source, 28)
