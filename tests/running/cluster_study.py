"""A study of 40 light runs without training, for the tests on a cluster: its file, and the command that does it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLI = (sys.executable, "-m", "leo_bench.commands.cli")

STUDY = """
question = "Does it run anywhere?"
baseline = "at_16"
[settings]
learner = "pixels"
dataset = "glyphs"
n_train_episodes = 0
n_test_episodes = 20
test_n_ways = []
test_modes = ["mixed"]
[profiles.smoke]
seeds = [0, 1, 2, 3, 4]
[profiles.quick]
seeds = [0]
variants = ["at_16", "at_20"]
[variants.at_16]
set = { image_size = 16 }
[variants.at_20]
set = { image_size = 20 }
[variants.at_24]
set = { image_size = 24 }
[variants.at_28]
set = { image_size = 28 }
[variants.five_shots]
set = { image_size = 16, k_shot = 5 }
[variants.ten_ways]
set = { image_size = 16, n_way = 10 }
[variants.ten_ways_at_20]
set = { image_size = 20, n_way = 10 }
[variants.within]
set = { image_size = 18, test_modes = ["mixed", "within_alphabet"] }
"""


def write_studies(folder: Path) -> Path:
    """Write the study file and return its folder."""
    studies = folder / "studies"
    studies.mkdir()
    (studies / "light.toml").write_text(STUDY)
    return studies


def command(folder: Path, results: str, *options: str) -> list[str]:
    """Return the command that does the study of write_studies(folder) into folder/results."""
    places = [
        "--studies",
        str(folder / "studies"),
        "--results",
        str(folder / results),
        "--reports",
        str(folder / "reports"),
    ]
    return [
        *(*CLI, "study", "light", "--dataset", "glyphs"),
        *places,
        *options,
    ]


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of these commands, with a cache of their own."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "LEO_BENCH_CACHE": str(folder / "cache"), "LEO_BENCH_OFFLINE": "1"}


def study(folder: Path, results: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Do the study and return how the command ended."""
    return subprocess.run(command(folder, results, *options), env=environment(folder), capture_output=True, text=True)


def main(folder: Path) -> None:
    """Do all 40 runs in this process into folder/local, one after another, as `leo-bench run` does each."""
    from leo_bench.config import make_settings
    from leo_bench.data.locate import GLYPHS
    from leo_bench.records import write_record
    from leo_bench.running.experiment import execute
    from leo_bench.running.plan import make_plan

    plan = make_plan(folder / "studies", "light", "smoke", GLYPHS)
    for run in plan.runs:
        execute(folder / "local/runs" / run.run_key, make_settings(run.settings))
    write_record(folder / "local/light-smoke/study.json", plan)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
