"""Train LEO on Omniglot through the documented interface, evaluate it on new characters, and plot both.

    .venv/bin/python examples/leo_on_omniglot.py                      # 28x28, 600 tasks: a few minutes on a CPU
    .venv/bin/python examples/leo_on_omniglot.py --tasks 2000         # the documented amount
    .venv/bin/python examples/leo_on_omniglot.py --decode task        # one code for all classes: stays at chance
    .venv/bin/python examples/leo_on_omniglot.py --image-size 105     # the documented size: some twenty times slower

Without Omniglot on disk or a network it runs on drawn glyphs and says so. For results to rely on, use `make ablations`:
its runs are recorded, repeated over seeds and scored on fixed episodes.
"""

import argparse
import io
import math
import time
from pathlib import Path

import matplotlib

matplotlib.use("agg")  # draws to a file; needs no display

import matplotlib.pyplot as plt
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from leo_bench import LatentEmbeddingOptimization, OmniglotTaskDataset, load_omniglot_dataset, train_leo
from leo_bench.errors import LeoBenchError
from leo_bench.records import make_folder, write_atomic

META_BATCH_SIZE = 4
Task = tuple[Tensor, Tensor, Tensor, Tensor]  # support images and labels, query images and labels
TEST_SEED = 1  # seed of the test tasks; training tasks have seed 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train LEO on Omniglot, evaluate it on new characters, plot both.")
    parser.add_argument("--tasks", type=int, default=600, help="training tasks (default: 600)")
    parser.add_argument("--test-tasks", type=int, default=200, help="tasks to evaluate on (default: 200)")
    parser.add_argument("--ways", type=int, default=5, help="classes of a task (default: 5)")
    parser.add_argument("--shots", type=int, default=1, help="labelled drawings of a class (default: 1)")
    parser.add_argument(
        "--decode",
        choices=("class", "task"),
        default="class",
        help="each class's code decodes its own row, or one pooled code all rows",
    )
    parser.add_argument("--image-size", type=int, default=28, help="side in pixels, 16 to 105 (default: 28)")
    parser.add_argument("--inner-steps", type=int, default=5, help="gradient steps on the codes (default: 5)")
    parser.add_argument("--inner-lr", type=float, default=0.01, help="step size on the codes (default: 0.01)")
    parser.add_argument(
        "--data", default="omniglot", metavar="FOLDER", help="where Omniglot lies (else the usual places are searched)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("leo_on_omniglot.png"), help="the figure (default: leo_on_omniglot.png)"
    )
    return parser.parse_args()


def accuracy_by_step(leo: LatentEmbeddingOptimization, loader: DataLoader[Task]) -> Tensor:
    """Query accuracy of each task before adaptation and after each inner step: [tasks, inner_steps + 1]."""
    leo.eval()
    device = next(leo.parameters()).device
    rows = []
    for batch in loader:
        support_data, support_labels, query_data, query_labels = (tensor.to(device) for tensor in batch)
        with torch.no_grad():
            logits = leo.episode_logits(support_data, support_labels, query_data, leo.num_classes)
        right = [(step.argmax(-1) == query_labels).float().mean(1) for step in logits]
        rows.append(torch.stack(right, dim=1).cpu())
    return torch.cat(rows)


def interval(accuracies: Tensor) -> tuple[float, float]:
    """Mean of the tasks' accuracies and half the width of its 95% interval (1.96 standard errors), in percent."""
    half = 1.96 * accuracies.std().item() / math.sqrt(len(accuracies))
    return 100 * accuracies.mean().item(), 100 * half


def plot(losses: list[float], accuracies: Tensor, title: str, chance: float, out: Path) -> None:
    """Training loss, and test accuracy against inner steps, side by side."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    figure.suptitle(title)
    tasks = [META_BATCH_SIZE * (batch + 1) for batch in range(len(losses))]
    left.plot(tasks, losses, color="0.8", linewidth=1, label="one batch")
    window = max(1, min(25, len(losses) // 4))
    means = [sum(losses[end - window : end]) / window for end in range(window, len(losses) + 1)]
    left.plot(tasks[window - 1 :], means, color="C0", label=f"mean of {window} batches")
    left.set(xlabel="training tasks", ylabel="query loss after adaptation", ylim=(0, None))
    left.legend(frameon=False)
    steps = range(accuracies.shape[1])
    points = [interval(accuracies[:, step]) for step in steps]
    right.errorbar(steps, [mean for mean, _ in points], [half for _, half in points], marker="o", capsize=3, color="C0")
    right.axhline(chance, color="0.5", linestyle="--", linewidth=1)
    right.annotate("chance", (0, chance), xytext=(0, 3), textcoords="offset points", color="0.4")
    right.set(
        xlabel="inner steps",
        ylabel="accuracy on new characters, %",
        ylim=(0, 100),
        xticks=list(steps),
        title=f"mean and 95% interval over {len(accuracies)} tasks",
    )
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    drawing = io.BytesIO()
    figure.savefig(drawing, dpi=150, format=out.suffix.removeprefix(".") or "png")
    write_atomic(out, drawing.getvalue())


def main() -> None:
    options = parse_arguments()
    make_folder(options.out.parent)  # not after minutes of training
    torch.manual_seed(0)  # of the data loader's shuffling
    train_dataset, test_dataset = load_omniglot_dataset(root=options.data, image_size=options.image_size)
    name = train_dataset.bank.name
    shape = {
        "n_way": options.ways,
        "k_shot": options.shots,
        "num_query": 20 - options.shots if options.shots > 5 else 15,
    }
    train_tasks = OmniglotTaskDataset(train_dataset, num_tasks=options.tasks, **shape)
    test_tasks = OmniglotTaskDataset(test_dataset, num_tasks=options.test_tasks, seed=TEST_SEED, **shape)
    protocol = f"{options.ways}-way {options.shots}-shot, {options.image_size}x{options.image_size}"
    print(f"data set {name}: {protocol}, decode={options.decode}, {options.tasks} training tasks")

    start = time.perf_counter()
    leo, losses = train_leo(
        num_classes=options.ways,
        task_dataloader=DataLoader(train_tasks, batch_size=META_BATCH_SIZE, shuffle=True),
        latent_dim=64,
        inner_lr=options.inner_lr,
        outer_lr=0.001,
        inner_steps=options.inner_steps,
        decode=options.decode,
    )
    last = losses[-25:]
    seconds = time.perf_counter() - start
    print(f"trained in {seconds:.0f} s; loss {losses[0]:.3f} at first, {sum(last) / len(last):.3f} at last")

    accuracies = accuracy_by_step(leo, DataLoader(test_tasks, batch_size=META_BATCH_SIZE))
    chance = 100 / options.ways
    for label, step in {"before adaptation": 0, f"after {options.inner_steps} inner steps": -1}.items():
        mean, half = interval(accuracies[:, step])
        print(f"{label:22} {mean:5.1f}% +- {half:.1f}  (chance is {chance:.0f}%)")
    plot(losses, accuracies, f"LEO on {name}, {protocol}, decode={options.decode}", chance, options.out)
    print(f"figure in {options.out}")


if __name__ == "__main__":
    try:
        main()
    except LeoBenchError as error:
        raise SystemExit(f"error: {error}") from None
