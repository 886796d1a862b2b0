"""Setting up: what make does on machines that are not like the developer's, played with stand-in programs on the PATH.

The stand-in interpreter answers what tools/venv.sh asks of it (does it fit, has it venv, install this), logs its calls
and makes an "environment" that holds a copy of itself, so nothing is downloaded.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ["sh", "make", "uname", "df", "awk", "cksum", "cut", "cat", "dirname", "rm", "mkdir", "cp", "echo", "grep"]

INTERPRETER = """#!/bin/sh
echo "$(basename_of "$0") $*" >> "$CALLS"
case "$*" in
    "-V") echo "Python 3.12.0" ;;
    *version_info*) [ -z "${TOO_OLD:-}" ] || [ "${0##*/}" != "$TOO_OLD" ] ;;
    *ensurepip*) [ -z "${NO_VENV:-}" ] ;;
    "-m venv "*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    "-m pip "*) [ -z "${PIP_FAILS:-}" ] ;;
esac
""".replace('$(basename_of "$0")', "${0##*/}")


@dataclass
class Machine:
    """A checkout and the only folder of programs that its make sees."""

    checkout: Path
    programs: Path

    def add(self, name: str, text: str) -> None:
        """Put a shell script called name on the PATH."""
        program = self.programs / name
        program.unlink(missing_ok=True)
        program.write_text(text)
        program.chmod(0o755)

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run make with these arguments; environment adds to a bare one."""
        return subprocess.run(
            ["make", *arguments],
            cwd=self.checkout,
            env={"PATH": str(self.programs), "CALLS": str(self.log), **environment},
            capture_output=True,
            text=True,
        )

    @property
    def log(self) -> Path:
        return self.programs / "calls.txt"

    def calls(self, pattern: str) -> list[str]:
        """Return the calls of the stand-in interpreters so far that match."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if re.search(pattern, line)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with make, the usual small programs and no Python at all."""
    checkout, programs = tmp_path / "checkout", tmp_path / "programs"
    (checkout / "tools").mkdir(parents=True)
    programs.mkdir()
    for name in ["Makefile", "tools/venv.sh", "requirements.lock", "requirements-ray.lock", "pyproject.toml"]:
        shutil.copy(ROOT / name, checkout / name)
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None, f"this test needs {name}"
        (programs / name).symlink_to(found)
    return Machine(checkout, programs)


def only_error(result: subprocess.CompletedProcess[str]) -> str:
    """The one error line of a make that failed."""
    assert result.returncode != 0
    lines = [line for line in result.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_every_variable_that_a_target_takes_has_an_effect_and_others_are_refused(machine: Machine) -> None:
    text = (ROOT / "Makefile").read_text()
    studies = re.search(r"^STUDIES := (.*)$", text, re.MULTILINE)
    takes = dict(re.findall(r"^TAKES_([\w-]+) := (.*)$", text, re.MULTILINE))
    assert studies is not None and {"ablations", "search", "publish"} <= set(takes)
    for target, names in takes.items():
        given = ["STUDY=a"] if target in ("study", "publish") else []
        plain = machine.make("-n", target, *given).stdout
        for name in names.replace("$(STUDIES)", studies[1]).split():
            others = [] if name == "STUDY" else given
            assert machine.make("-n", target, *others, f"{name}=7").stdout != plain, (target, name)
        wrong = machine.make(target, *given, "SEED=0-4")
        assert wrong.returncode == 2 and wrong.stdout == ""
        assert f"make {target} takes no variable SEED; it takes" in wrong.stderr and wrong.stderr.count("\n") == 1


def test_help_is_the_default_and_needs_no_python(machine: Machine) -> None:
    result = machine.make()
    assert result.returncode == 0
    assert "make ablations" in result.stdout
    assert not (machine.checkout / ".venv").exists()


def test_without_python_one_line_says_so(machine: Machine) -> None:
    line = only_error(machine.make("test"))
    assert "no Python of version 3.11, 3.12 or 3.13" in line and "make PYTHON=" in line
    assert not (machine.checkout / ".venv").exists()


def test_first_fitting_python_is_taken(machine: Machine) -> None:
    for name in ["python3.13", "python3.12", "python3"]:
        machine.add(name, INTERPRETER)
    assert machine.make("venv", TOO_OLD="python3.13").returncode == 0
    assert machine.calls("-m venv") == ["python3.12 -m venv .venv"]


def test_programs_named_python_that_do_not_run_are_passed_over(machine: Machine) -> None:
    machine.add("python3.13", "#!/bin/sh\necho 'python3.13: command not found' >&2\nexit 127\n")
    machine.add("python3.11", INTERPRETER)
    result = machine.make("venv")
    assert result.returncode == 0 and result.stderr == ""
    assert machine.calls("-m venv") == ["python3.11 -m venv .venv"]


def test_named_python_is_taken_or_refused(machine: Machine) -> None:
    machine.add("python3.13", INTERPRETER)
    machine.add("mine", INTERPRETER)
    line = only_error(machine.make("venv", "PYTHON=mine", TOO_OLD="mine"))
    assert "PYTHON=mine is not a Python of version 3.11, 3.12 or 3.13" in line
    assert machine.make("venv", "PYTHON=mine").returncode == 0
    assert machine.calls("-m venv") == ["mine -m venv .venv"]


def test_python_without_venv_module(machine: Machine) -> None:
    machine.add("python3.12", INTERPRETER)
    line = only_error(machine.make("venv", NO_VENV="1"))
    assert "python3.12 lacks its venv module" in line and "python3-venv" in line


def test_short_disk_is_said_before_anything_is_made(machine: Machine) -> None:
    machine.add("python3.12", INTERPRETER)
    five_gigabytes = 5 * 1024**2  # in the blocks of 1024 bytes that df -k counts
    header = "Filesystem 1024-blocks Used Available Capacity Mounted"
    machine.add("df", f"#!/bin/sh\necho '{header}'\necho 'disk 9 9 {five_gigabytes} 9% /'\n")
    machine.add("uname", "#!/bin/sh\necho Linux\n")
    line = only_error(machine.make("venv"))
    assert "5 GB are free here and setting up takes up to 11 GB" in line
    assert not (machine.checkout / ".venv").exists()


def test_install_is_announced_hashed_and_done_once(machine: Machine) -> None:
    machine.add("python3.12", INTERPRETER)
    first = machine.make("venv")
    assert "about 6 GB" in first.stdout and "minutes" in first.stdout
    assert len(machine.calls("-m pip install .*--require-hashes -r requirements.lock")) == 1
    assert len(machine.calls(r"-m pip install .*--no-deps --no-build-isolation -e \.")) == 1
    second = machine.make("venv")
    assert second.returncode == 0 and second.stdout == ""
    assert len(machine.calls("-m pip")) == 2


def test_ray_is_added_when_it_is_asked_for_and_once(machine: Machine) -> None:
    machine.add("python3.12", INTERPRETER)
    both = r"--require-hashes -r requirements.lock -r requirements-ray.lock"
    machine.make("venv")
    assert not machine.calls(both)
    added = machine.make("venv", "RAY=local")
    assert "requirements-ray.lock" in added.stdout
    assert len(machine.calls(both)) == 1
    assert machine.make("venv", "RAY=auto").stdout == machine.make("venv").stdout == ""
    assert len(machine.calls("--require-hashes")) == 2 and len(machine.calls("-m venv")) == 1


def test_the_cluster_reaches_every_command_that_does_runs(machine: Machine) -> None:
    for target in (["ablations"], ["study", "STUDY=paper"], ["compare"], ["claims"], ["search"], ["reproduce"]):
        command = machine.make("-n", *target, "RAY=auto", "GPUS_PER_RUN=0.25").stdout
        assert '--ray "auto" --gpus-per-run "0.25"' in re.sub(r" *\\\n\s*| +", " ", command), target
        assert "--ray" not in machine.make("-n", *target).stdout
    assert "-m pytest -m" in machine.make("-n", "test-ray").stdout


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_changed_requirements_update_the_environment(machine: Machine, changed: str) -> None:
    machine.add("python3.12", INTERPRETER)
    machine.make("venv")
    with (machine.checkout / changed).open("a") as file:
        file.write("# changed\n")
    machine.make("venv")
    assert len(machine.calls("--require-hashes")) == 2
    assert len(machine.calls("-m venv")) == 1


def test_interrupted_install_is_made_anew(machine: Machine) -> None:
    machine.add("python3.12", INTERPRETER)
    line = only_error(machine.make("venv", PIP_FAILS="1"))
    assert "run the same command again" in line
    half_unpacked = machine.checkout / ".venv" / "half_unpacked.py"
    half_unpacked.touch()
    assert machine.make("venv").returncode == 0
    assert not half_unpacked.exists()
    assert len(machine.calls("-m venv")) == 2


def test_interrupted_update_is_not_taken_for_complete(machine: Machine) -> None:
    machine.add("python3.12", INTERPRETER)
    machine.make("venv")
    lock = machine.checkout / "requirements.lock"
    before = lock.read_text()
    lock.write_text(before + "# changed\n")
    only_error(machine.make("venv", PIP_FAILS="1"))
    lock.write_text(before)  # back to what the environment was once made from
    machine.make("venv")
    assert len(machine.calls("-m venv")) == 2


def test_moved_checkout_and_vanished_interpreter_make_it_anew(machine: Machine) -> None:
    machine.add("python3.12", INTERPRETER)
    machine.make("venv")
    machine.checkout = machine.checkout.rename(machine.checkout.parent / "moved")
    machine.make("venv")
    assert len(machine.calls("-m venv")) == 2
    (machine.checkout / ".venv/bin/python").unlink()
    machine.make("venv")
    assert len(machine.calls("-m venv")) == 3


@pytest.mark.parametrize("target", ["study", "publish"])
def test_target_without_its_study_says_so(machine: Machine, target: str) -> None:
    machine.add("python3.12", INTERPRETER)
    machine.make("venv")
    assert f"make {target} STUDY=ablations" in only_error(machine.make(target))


def test_settings_reach_the_command(machine: Machine) -> None:
    settings = ["PROFILE=smoke", "SEEDS=0-1", "JOBS=2", "DATASET=omniglot", "DATA=my data", "DEVICE=cuda"]
    commands = machine.make("-n", "ablations", *settings).stdout
    expected = '--profile "smoke" --seeds "0-1" --jobs "2" --dataset "omniglot" --data "my data" --device "cuda"'
    assert f"leo-bench study ablations {expected}" in re.sub(r" *\\\n\s*| +", " ", commands)
    bare = machine.make("-n", "ablations").stdout
    assert '--profile "quick"' in bare and not re.search("--(seeds|jobs|dataset|data|device)", bare)


def test_every_target_is_phony() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", text, flags=re.MULTILINE))
    phony = re.findall(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)
    assert targets == set(phony[0].split())
    assert {"ablations", "study", "report", "reproduce", "test"} <= targets


def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "\nmake test\n" in script.read_text()


@pytest.mark.parametrize(
    ("target", "name", "option"),
    [
        ("ablations", "PUBLISHED", "--use-published"),
        ("publish", "PARTIAL", "--partial"),
        ("publish", "REPLACE", "--replace"),
    ],
)
def test_a_variable_that_is_0_means_no(machine: Machine, target: str, name: str, option: str) -> None:
    given = ["STUDY=a"] if target == "publish" else []
    assert option in machine.make("-n", target, *given, f"{name}=1").stdout
    assert option not in machine.make("-n", target, *given, f"{name}=0").stdout
