"""Every registered data set is read through the same two functions and has the numbers that its entry names."""

from importlib import import_module

import pytest
import torch
from omniglot_lookalike import SMALL

from leo_bench.data import DATASETS
from leo_bench.data.bank import ImageBank, load_images
from leo_bench.data.locate import DataSource, locate
from leo_bench.data.splits import class_split

SIZE = 28


@pytest.fixture(params=list(DATASETS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(name: str, request: pytest.FixtureRequest) -> DataSource:
    """Source of a data set; for Omniglot, the small look-alike."""
    return request.getfixturevalue("small_zips") if name == "omniglot" else locate(name)


@pytest.fixture
def bank(name: str, source: DataSource, request: pytest.FixtureRequest) -> ImageBank:
    return request.getfixturevalue("glyph_bank") if name == "glyphs" else load_images(source, SIZE)


def test_what_is_read_agrees_with_the_entry(name: str, bank: ImageBank, full_bank: ImageBank) -> None:
    entry = DATASETS[name]
    n_classes = len(bank.characters)
    if name == "omniglot":
        assert n_classes == sum(size for alphabets in SMALL.values() for size in alphabets.values())
    parts = class_split(full_bank if name == "omniglot" else bank, "lake", "train")
    assert (entry.n_classes("test"), entry.n_classes("val")) == (len(parts["test"]), len(parts["val"]))
    assert bank.images.shape == (n_classes, entry.n_drawings, SIZE, SIZE)
    assert bank.images.dtype == torch.uint8
    assert bank.name == name
    assert len(bank.alphabets) == len(bank.background) == len(set(bank.characters)) == n_classes
    assert any(bank.background) is entry.trains
    assert not all(bank.background)


def test_the_fingerprint_names_the_content_without_reading_it(name: str, source: DataSource) -> None:
    module = import_module(f"leo_bench.data.{DATASETS[name].module}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "read", lambda *_: pytest.fail("the drawings were read"))
        fingerprint = module.fingerprint(source)
    assert fingerprint == module.fingerprint(source)
    assert set(fingerprint) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")  # it names a file of the cache
    assert len(fingerprint) > 10


def test_a_data_set_without_files_needs_no_folder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEO_BENCH_DATA", "/nowhere")
    if DATASETS[name].form:
        assert locate(name) == DataSource(name, DATASETS[name].form, None)
        assert DATASETS[name].origin
