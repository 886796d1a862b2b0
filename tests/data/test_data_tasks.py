"""The source document's data interface, as its examples use it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from omniglot_lookalike import SMALL, write_zips
from torch.utils.data import DataLoader

from leo_bench.data import omniglot
from leo_bench.data.bank import ImageBank
from leo_bench.data.tasks import OmniglotDataset, OmniglotTaskDataset, load_omniglot_dataset
from leo_bench.errors import LeoBenchError


@pytest.fixture
def dataset(small_bank: ImageBank) -> OmniglotDataset:
    return OmniglotDataset(small_bank, np.flatnonzero(np.array(small_bank.background)))


def test_the_documents_example(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_small: None
) -> None:
    write_zips(files, tmp_path / "omniglot")
    monkeypatch.chdir(tmp_path)
    train_dataset, test_dataset = load_omniglot_dataset(root="omniglot")
    assert (len(train_dataset), len(test_dataset)) == (24 * 20, 10 * 20)
    train_task_dataset = OmniglotTaskDataset(train_dataset, n_way=5, k_shot=1, num_query=15, num_tasks=2000)
    train_loader = DataLoader(train_task_dataset, batch_size=4, shuffle=True)
    assert len(train_loader) == 500
    support_data, support_labels, query_data, query_labels = next(iter(train_loader))
    assert support_data.shape == (4, 5, 1, 105, 105)
    assert support_labels.tolist() == [[0, 1, 2, 3, 4]] * 4
    assert query_data.shape == (4, 75, 1, 105, 105)
    assert query_labels.tolist() == [[n for n in range(5) for _ in range(15)]] * 4
    assert support_data.dtype == query_data.dtype == torch.float32
    assert support_labels.dtype == query_labels.dtype == torch.int64
    assert {support_data.min().item(), support_data.max().item()} == {0.0, 1.0}


def test_a_root_that_does_not_exist_means_the_usual_places(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_small: None
) -> None:
    write_zips(files, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    train_dataset, _ = load_omniglot_dataset(image_size=28)
    assert train_dataset.bank.name == "omniglot"
    assert train_dataset[0][0].shape == (1, 28, 28)


@pytest.mark.parametrize("root", ["omniglto", "./omniglot2", "~/omniglot-of-mine", Path("/nowhere/omniglot")])
def test_another_root_that_is_not_there_is_an_error_and_no_other_data_is_taken(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_small: None, root: str | Path
) -> None:
    write_zips(files, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LeoBenchError, match=r"is no folder \(.*\); name one that holds .* or leave root out"):
        load_omniglot_dataset(root, image_size=28)


def test_data_of_other_libraries_and_sizes_that_are_no_numbers_are_one_line(dataset: OmniglotDataset) -> None:
    with pytest.raises(LeoBenchError, match="dataset is of type list: expected an OmniglotDataset"):
        OmniglotTaskDataset([1, 2, 3])  # type: ignore[arg-type]
    for name in ("n_way", "k_shot", "num_query", "num_tasks", "seed"):
        with pytest.raises(LeoBenchError, match=f"{name} is 1.5: expected a whole number"):
            OmniglotTaskDataset(dataset, **{name: 1.5})  # type: ignore[arg-type]
    with pytest.raises(LeoBenchError, match="image_size is '28': expected a whole number"):
        load_omniglot_dataset(image_size="28")  # type: ignore[arg-type]
    with pytest.raises(LeoBenchError, match="rotations is 1: expected True or False"):
        OmniglotTaskDataset(dataset, rotations=1)  # type: ignore[arg-type]


def test_a_root_without_omniglot_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LeoBenchError, match="holds no Omniglot"):
        load_omniglot_dataset(tmp_path)


def test_a_dataset_gives_each_drawing_once(dataset: OmniglotDataset, small_bank: ImageBank) -> None:
    image, label = dataset[3 * 20 + 7]
    assert label == 3
    assert torch.equal(image[0] * 255, small_bank.images[3, 7].float())
    assert [label for _, label in DataLoader(dataset, batch_size=None)] == [n for n in range(24) for _ in range(20)]


def test_train_and_test_share_no_character(small_bank: ImageBank) -> None:
    assert sum(SMALL["images_background"].values()) == 24
    background = np.flatnonzero(np.array(small_bank.background))
    tasks = OmniglotTaskDataset(OmniglotDataset(small_bank, background), num_tasks=50)
    drawn = np.concatenate([tasks.sampler.sample(np.random.default_rng(i), 1).characters.ravel() for i in range(50)])
    assert set(drawn.tolist()) <= set(background.tolist())


def test_a_task_is_a_function_of_seed_and_index(dataset: OmniglotDataset) -> None:
    tasks, again = (OmniglotTaskDataset(dataset, num_tasks=n, seed=3) for n in (6, 9))
    other = OmniglotTaskDataset(dataset, num_tasks=6, seed=4)
    backwards = {index: tasks[index] for index in reversed(range(6))}
    for index in range(6):
        assert all(torch.equal(a, b) for a, b in zip(backwards[index], again[index], strict=True))
        assert not torch.equal(tasks[index][2], other[index][2])
    assert len({tasks[index][2].numpy().tobytes() for index in range(6)}) == 6


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine with one core
def test_workers_give_the_same_tasks(dataset: OmniglotDataset) -> None:
    tasks = OmniglotTaskDataset(dataset, n_way=3, num_query=2, num_tasks=6)
    alone, shared = (
        list(DataLoader(tasks, batch_size=2, num_workers=n, multiprocessing_context="fork" if n else None))
        for n in (0, 2)
    )
    for a, b in zip(alone, shared, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_labels_match_drawings(dataset: OmniglotDataset) -> None:
    """Each label's query drawings are of the character of its support drawing."""
    support_data, support_labels, query_data, query_labels = OmniglotTaskDataset(dataset, num_query=2, num_tasks=1)[0]
    owner = {}
    for position in range(len(dataset)):
        image, label = dataset[position]
        owner[image.numpy().tobytes()] = label
    support = {int(y): owner[x.numpy().tobytes()] for x, y in zip(support_data, support_labels, strict=True)}
    assert len(set(support.values())) == 5
    for x, y in zip(query_data, query_labels, strict=True):
        assert owner[x.numpy().tobytes()] == support[int(y)]


def test_rotations_are_further_classes(dataset: OmniglotDataset) -> None:
    """A task has more classes than there are characters, each a character turned by some quarter turns."""
    tasks = OmniglotTaskDataset(dataset, n_way=96, k_shot=1, num_query=1, num_tasks=1, rotations=True)
    support_data, support_labels, *_ = tasks[0]
    assert support_labels.tolist() == list(range(96))
    upright = {dataset[position][0].numpy().tobytes() for position in range(len(dataset))}
    turned_back = ([torch.rot90(x, turn, (1, 2)).numpy().tobytes() for turn in range(4)] for x in support_data)
    turns = [min(turn for turn in range(4) if drawings[turn] in upright) for drawings in turned_back]
    assert sorted(turns) == sorted(24 * [0, 1, 2, 3])
    with pytest.raises(LeoBenchError, match="n_way is 96"):
        OmniglotTaskDataset(dataset, n_way=96, k_shot=1, num_query=1)
    plain, same = (OmniglotTaskDataset(dataset, num_tasks=1, **given)[0] for given in ({}, {"rotations": False}))
    assert torch.equal(plain[0], same[0])


@pytest.mark.parametrize("index", [6, 100, -7])
def test_indices_out_of_range_end_a_loop(dataset: OmniglotDataset, index: int) -> None:
    with pytest.raises(IndexError, match="6 items"):
        _ = OmniglotTaskDataset(dataset, num_tasks=6)[index]
    with pytest.raises(IndexError):
        _ = dataset[len(dataset)]


def test_a_loop_over_a_task_dataset_ends(dataset: OmniglotDataset) -> None:
    tasks = OmniglotTaskDataset(dataset, num_tasks=3)
    assert len(list(tasks)) == 3  # type: ignore[call-overload]  # iterates by index until IndexError
    assert torch.equal(tasks[-1][0], tasks[2][0])


def test_impossible_tasks_are_refused(dataset: OmniglotDataset) -> None:
    with pytest.raises(LeoBenchError, match="n_way is 25, but it has 24 classes"):
        OmniglotTaskDataset(dataset, n_way=25)
    with pytest.raises(LeoBenchError, match="asks for 21 drawings"):
        OmniglotTaskDataset(dataset, k_shot=6)
    with pytest.raises(LeoBenchError, match="num_tasks is 0"):
        OmniglotTaskDataset(dataset, num_tasks=0)
    assert omniglot.N_DRAWERS == 20
