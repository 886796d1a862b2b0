"""Work of a node of a cluster: one process of a run or trial, with files that were sent if it shares no disk.

It knows nothing of Ray, so that it can be tested without.
"""

import ctypes
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import RUNS, make_folder
from leo_bench.running import numerics, provenance
from leo_bench.running.child_processes import import_path, stop_all
from leo_bench.running.data_parcel import unpack_data
from leo_bench.running.parcel import Parcel, pack, unpack

PROBE = ".shared-disk"
"""Start of the name of a file in results/. A node that can read it shares the disk of the machine that wrote it."""
PR_SET_PDEATHSIG = 1  # of Linux's prctl.h


@dataclass(frozen=True)
class Order:
    """Order for one process, as plain values that travel."""

    program: Sequence[str]
    """Command without its arguments. Python itself is left out: each node has its own."""
    options: Sequence[str]
    """Arguments after the folder."""
    results: str
    """Results folder of the machine that sends the order."""
    folder: str
    """Folder of the process, below results."""
    log: str
    """File for the output, below results."""
    environment: Mapping[str, str]
    """Variables of the process; they may hold a password."""
    learner: str
    dataset: str
    numerics: str
    """Digest that the source here must have for this learner and data set; empty if it does not matter."""
    source: str
    """Folder below results that holds the package of another source, which does the work; empty for the source here."""
    probe: str
    """Name of the probe in the results folder. Its content is its name."""
    sent: Parcel | None
    """Files below results that the process needs, if the node is to work in a folder of its own; None if it is to work
    in the results folder, which must then be on a shared disk."""
    is_trial: bool
    """True if the process does its runs in the store beside its folder."""
    data: str
    """Folder of Omniglot on the machine that sends the order; empty if the run reads no files."""
    data_digest: str
    """Digest of the parcel with the data; empty without."""


@dataclass(frozen=True)
class Outcome:
    """How the process of an order ended."""

    code: int = 0
    """Exit code, or the negative number of the signal that killed the process."""
    parcel: Parcel | None = None
    """Files below results that came about, if the node worked in a folder of its own."""
    refused: str = ""
    """Reason why nothing was started, in words."""
    shares_no_disk: bool = False
    """True if nothing was started, because the results folder or the data is not here."""
    versions: Mapping[str, str] | None = None
    """Versions of Python and of the packages that can change a number."""


def do(order: Order, fetch_data: Callable[[], Parcel], place: Path) -> Outcome:
    """Do the process of an order and wait for it. After KeyboardInterrupt it is stopped, as after Ctrl-C.

    fetch_data: returns the data; called at most once for each place. place: folder of this node for data, caches and
    unfinished work.
    """
    found = numerics.numerics_digest(order.learner, order.dataset) if order.numerics else ""
    if found != order.numerics:
        return Outcome(
            refused=f"a node has another version of leo_bench (numerics digest of {order.learner}: {found}, here "
            f"{order.numerics}); take leo_bench off the PYTHONPATH of the nodes, so that they use the source that is "
            "sent to them"
        )
    try:
        if order.sent is None:
            return _do_here(order)
        make_private(place)
        return _do_in(_new_folder(place / "work"), order, order.sent, fetch_data, place)
    except LeoBenchError as error:  # a parcel that came damaged
        return Outcome(refused=f"a node ({platform.node()}) cannot do a run: {error}")
    except OSError as error:  # a full disk
        where = f"{error.filename or place}: {error.strerror or error}"
        mend = "free disk space there, or check the permissions"
        return Outcome(refused=f"a node ({platform.node()}) cannot do a run: {where}; {mend}")


def _do_here(order: Order) -> Outcome:
    """Do an order in the results folder of the machine that sends it, if this node sees it."""
    if not _is_here(order):
        return Outcome(shares_no_disk=True)
    data = Path(order.data) if order.data else None
    return Outcome(_run(order, Path(order.results), data), versions=provenance.versions())


def _do_in(results: Path, order: Order, sent: Parcel, fetch_data: Callable[[], Parcel], place: Path) -> Outcome:
    """Do an order in a folder of this node, which is removed, and return what came about there."""
    try:
        data = unpack_data(place, order.data_digest, fetch_data) if order.data else None
        unpack(sent, results)
        code = _run(order, results, data, {"LEO_BENCH_CACHE": str(place / "cache")})
        brought = [RUNS, order.log] if order.is_trial else [order.folder]
        return Outcome(code, pack(results, [results / name for name in brought]), versions=provenance.versions())
    finally:
        shutil.rmtree(results, ignore_errors=True)


def make_private(folder: Path) -> None:
    """Make a folder that this user alone can read and write.

    Raises LeoBenchError if there is one already that others own or can open, as anybody may make one in a folder for
    temporary files.
    """
    with suppress(FileExistsError):  # a file, or a link to nothing
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise LeoBenchError(
            f"{folder} is not a folder of this user alone, so runs are not done there; have it removed, or name "
            "another folder for temporary files with TMPDIR"
        )


def _new_folder(place: Path) -> Path:
    make_folder(place)
    return Path(tempfile.mkdtemp(dir=place))


def _is_here(order: Order) -> bool:
    """Return True if this node sees the results folder, and the data if there is any."""
    try:
        here = (Path(order.results) / order.probe).read_text(encoding="utf-8") == order.probe
    except OSError:
        return False
    return here and (not order.data or Path(order.data).is_dir())


def _run(order: Order, results: Path, data: Path | None, more: Mapping[str, str] | None = None) -> int:
    """Run the process of an order in a results folder of this machine. Returns its exit code."""
    source = results / order.source if order.source else provenance.PACKAGE.parent
    environment = {**os.environ, **import_path(source), **order.environment, **(more or {})}
    command = [sys.executable, *order.program, str(results / order.folder), *order.options]
    command += ["--data", str(data)] if data else []
    log = results / order.log
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=results,  # Ray may remove the folder that its own process works in
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    try:
        return process.wait()
    except KeyboardInterrupt:
        stop_all([process])
        return process.returncode


_prctl = getattr(ctypes.CDLL(None), "prctl", None)


def _end_with_parent() -> None:
    """Have Linux send this process SIGTERM when the process dies that started it, as when its node is shut down."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
