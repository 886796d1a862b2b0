"""Places where the data is looked for, their order, and the messages if it is not found."""

import importlib
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import ModuleType

import pytest
from omniglot_lookalike import SMALL, write_folders, write_zips

from leo_bench.data import DATASETS, DatasetEntry
from leo_bench.data.locate import DataSource, locate
from leo_bench.errors import LeoBenchError

SETS = tuple(SMALL)


@pytest.fixture
def module() -> ModuleType:
    return importlib.import_module("leo_bench.data.locate")  # leo_bench.data.locate, as an attribute, is the function


@pytest.fixture
def bare_machine(tmp_path: Path, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a checkout with no data in it or beside it; it is also the working folder."""
    checkout = tmp_path / "work" / "checkout"
    (checkout / "leo_bench" / "data").mkdir(parents=True)
    monkeypatch.setattr(module, "__file__", str(checkout / "leo_bench" / "data" / "locate.py"))
    monkeypatch.chdir(checkout)
    return checkout


def make_zips(folder: Path) -> Path:
    """Both zips, empty: locate looks at names only."""
    folder.mkdir(parents=True)
    for name in SETS:
        (folder / f"{name}.zip").touch()
    return folder


def test_places_are_searched_in_the_documented_order(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = make_zips(tmp_path / "cache" / "leo_bench" / "omniglot")
    assert locate().path == cache
    shared = make_zips(bare_machine.parent / "shared" / "omniglot")
    assert locate().path == shared
    data = make_zips(bare_machine / "data")
    assert locate().path == data
    named = make_zips(tmp_path / "named")
    monkeypatch.setenv("LEO_BENCH_DATA", str(named))
    assert locate().path == named
    given = make_zips(tmp_path / "given")
    assert locate("auto", given) == DataSource("omniglot", "zips", given)


def test_the_checkout_is_searched_from_any_working_folder(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_zips(bare_machine / "data")
    monkeypatch.chdir(tmp_path)
    assert locate().path == data
    here = make_zips(tmp_path / "data")
    assert locate().path == here


def test_each_form_is_recognised(tmp_path: Path, files: dict[str, bytes]) -> None:
    write_zips(files, tmp_path / "a")
    write_folders(files, tmp_path / "b")
    write_folders(files, tmp_path / "c" / "omniglot-py")
    write_zips(files, tmp_path / "c" / "omniglot-py")  # torchvision keeps the zips beside the folders
    forms = [(source.form, source.path) for source in (locate("omniglot", tmp_path / name) for name in "abc")]
    assert forms == [
        ("zips", tmp_path / "a"),
        ("folders", tmp_path / "b"),
        ("torchvision", tmp_path / "c" / "omniglot-py"),
    ]


def test_auto_falls_back_to_glyphs_with_a_box_on_stderr(bare_machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert locate() == DataSource("glyphs", "drawn", None)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.strip().splitlines()
    assert "NOT Omniglot" in lines[1]
    assert len({len(line) for line in lines}) == 1  # a box is as wide everywhere
    assert all(word in err for word in ("glyphs", "LEO_BENCH_DATA", "LEO_BENCH_OFFLINE is set"))


def test_omniglot_never_falls_back(bare_machine: Path) -> None:
    with pytest.raises(LeoBenchError, match=r"Omniglot was not found.*images_background\.zip.*LEO_BENCH_DATA"):
        locate("omniglot")


def test_glyphs_need_no_place_and_make_no_noise(bare_machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_zips(bare_machine / "data")
    assert locate("glyphs") == DataSource("glyphs", "drawn", None)
    assert capsys.readouterr().err == ""


def test_a_folder_that_is_given_must_hold_omniglot_even_under_auto(tmp_path: Path) -> None:
    with pytest.raises(LeoBenchError, match=r"nowhere is not a folder"):
        locate("auto", tmp_path / "nowhere")
    with pytest.raises(LeoBenchError, match=r"holds no Omniglot: expected the zips"):
        locate("auto", tmp_path)
    (tmp_path / "images_background.zip").touch()
    with pytest.raises(LeoBenchError, match=r"images_evaluation \(folder or \.zip\) is missing"):
        locate("auto", tmp_path)
    (tmp_path / "images_evaluation").mkdir()
    with pytest.raises(LeoBenchError, match=r"extract both or neither"):
        locate("auto", tmp_path)


def test_the_environment_counts_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEO_BENCH_DATA", str(tmp_path))
    with pytest.raises(LeoBenchError, match=r"^LEO_BENCH_DATA .* holds no Omniglot"):
        locate()


def test_a_data_set_of_files_that_locate_does_not_know_is_never_omniglot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = DatasetEntry("shapes", n_drawings=20, n_test=10, origin="drawn")
    monkeypatch.setitem(DATASETS, "shapes", entry)
    with pytest.raises(LeoBenchError, match="data set 'shapes' has no form in DATASETS"):
        locate("shapes")


def test_unknown_data_sets_are_refused() -> None:
    with pytest.raises(LeoBenchError, match="choose auto, omniglot, glyphs, digits"):
        locate("mnist")


def test_no_network_is_found_out_quietly(
    bare_machine: Path, module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waits = []

    def refuse(request: object, timeout: float) -> None:
        waits.append(timeout)
        raise urllib.error.URLError("no route to host")

    monkeypatch.delenv("LEO_BENCH_OFFLINE")
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    assert module._download(bare_machine / "target") == "no network"
    assert len(waits) == 1
    assert waits[0] <= 10
    assert capsys.readouterr().err == ""


class FakeResponse:
    def close(self) -> None:
        pass


def test_a_download_ends_in_the_cache(
    bare_machine: Path,
    tmp_path: Path,
    files: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import torchvision.datasets

    def fake(root: str, background: bool, download: bool) -> None:
        print("downloading to", root)
        wanted = "images_background" if background else "images_evaluation"
        write_folders({p: d for p, d in files.items() if p.startswith(wanted)}, Path(root) / "omniglot-py")

    monkeypatch.delenv("LEO_BENCH_OFFLINE")
    monkeypatch.setattr(urllib.request, "urlopen", lambda request, timeout: FakeResponse())
    monkeypatch.setattr(torchvision.datasets, "Omniglot", fake)
    cache = tmp_path / "cache" / "leo_bench"
    assert locate() == DataSource("omniglot", "torchvision", cache / "omniglot" / "omniglot-py")
    assert capsys.readouterr().out == ""  # standard output is for results
    assert sorted(path.name for path in cache.iterdir() if path.is_dir()) == ["omniglot"]  # nothing half done is left


def test_a_download_that_breaks_off_leaves_nothing(
    bare_machine: Path, tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision.datasets

    def fake(root: str, background: bool, download: bool) -> None:
        if not background:
            raise RuntimeError("File not found or corrupted.")
        write_folders({p: d for p, d in files.items() if p.startswith("images_b")}, Path(root) / "omniglot-py")

    monkeypatch.delenv("LEO_BENCH_OFFLINE")
    monkeypatch.setattr(urllib.request, "urlopen", lambda request, timeout: FakeResponse())
    monkeypatch.setattr(torchvision.datasets, "Omniglot", fake)
    with pytest.raises(LeoBenchError, match="File not found or corrupted"):
        locate("omniglot")
    assert not [path for path in (tmp_path / "cache" / "leo_bench").iterdir() if path.is_dir()]


def test_locating_imports_neither_torch_nor_numpy(tmp_path: Path) -> None:
    code = (
        "import sys; from leo_bench.data.locate import locate; locate('glyphs'); locate('auto'); "
        "print([m for m in ('torch', 'torchvision', 'numpy', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
