"""Executor that places processes on the nodes of a Ray cluster. The only module that imports Ray.

A run stays one process with its own number of threads. Ray places it by threads and GPUs, and never repeats it: how
often a run is tried is for the scheduler to decide.
"""

import logging
import math
import os
import resource
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from filelock import FileLock, Timeout
from tqdm import tqdm

from leo_bench.config import Settings
from leo_bench.data.locate import locate
from leo_bench.errors import EXIT_BUSY, EXIT_FAILED, EXIT_INTERRUPTED, LeoBenchError
from leo_bench.records import LOCK, LOCK_SECONDS, RUNS, make_folder, shortened, write_atomic
from leo_bench.running import provenance
from leo_bench.running.child_processes import PATIENCE
from leo_bench.running.cluster_node import PROBE, Order, Outcome, do
from leo_bench.running.data_parcel import needs_files, pack_data
from leo_bench.running.executor import Ended, Task
from leo_bench.running.merge import merge_run, run_folders
from leo_bench.running.parcel import Parcel, pack, replace_folder, unpack
from leo_bench.running.worker import worker_variables

REACH_SECONDS = 10
SECONDS_BETWEEN_LOOKS = 1.0
"""Time between two looks at the nodes of the cluster."""
SPARE = 0.25
"""Tasks that wait at Ray besides those that can run, as a share of these, so that no node waits for the scheduler."""
OPEN_FILES = 65_536
LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Ray's variable that decides whether its ports are for other machines too. With 0 they are bound to 127.0.0.1."""


@dataclass
class _Placed:
    task: Task
    lock: FileLock | None
    """Lock of the run, held here while a node without a shared disk does it."""


@dataclass(frozen=True)
class Request:
    """Resources that one process needs of a node."""

    cpus: int
    gpus: float

    def fits(self, node: dict[str, float]) -> int:
        """Return how many such processes a node with these resources can run at the same time."""
        by_cpu = node.get("CPU", 0) // self.cpus
        return int(min(by_cpu, node.get("GPU", 0) // self.gpus) if self.gpus else by_cpu)


@dataclass
class RayExecutor:
    """Places processes on the nodes of the cluster that this process is connected to. `connected` makes one."""

    ray: Any
    """The package."""
    results: Path
    jobs: int | None = None
    """Most processes at a time; as many as the cluster has room for if None."""
    gpus_per_run: float | None = None
    """Share of a GPU for each process that computes on one, or a whole number of GPUs; 1 if None."""
    collect: bool = False
    """True if nodes work in folders of their own and send back what they made. It becomes True when a node turns out
    not to share the disk of this machine."""
    say: Callable[[str], None] = tqdm.write
    placed: dict[Any, _Placed] = field(default_factory=dict)
    """Reference to the outcome -> task."""
    busy: list[Ended] = field(default_factory=list)
    """Tasks that could not start because another process holds their runs."""
    request: Request | None = None
    """Needs of the task that was started last."""
    looked: float = -math.inf
    nodes: list[dict[str, float]] = field(default_factory=list)
    """Resources of each living node at the last look."""
    said: set[str] = field(default_factory=set)
    stopping: bool = False
    data: dict[Path | None, tuple[str, str, list[Any]]] = field(default_factory=dict)
    """Folder that the user names -> folder of Omniglot, digest of its parcel, reference to it in a list."""

    def __post_init__(self) -> None:
        self.results = self.results.absolute()
        self.probe = f"{PROBE}-{token_hex(8)}"
        write_atomic(self.results / self.probe, self.probe.encode())
        self.remote = self.ray.remote(on_node)
        self.commit = provenance.commit()

    @property
    def words(self) -> str:
        """Nodes, CPUs and GPUs of the cluster, in words."""
        nodes = self._look()
        cpus, gpus = (sum(node.get(kind, 0) for node in nodes) for kind in ("CPU", "GPU"))
        return f"{len(nodes)} nodes, {cpus:g} CPUs, {gpus:g} GPUs"

    @property
    def at_once(self) -> int:
        """Processes that the cluster, or `jobs`, lets run at the same time; at least 1."""
        return max(1, min(self._slots(), self.jobs or self._slots()))

    def check(self, settings: Iterable[Settings]) -> None:
        """Raise LeoBenchError if no node of the cluster could ever take a run of some of these settings."""
        requests = dict.fromkeys(map(self._request, settings))
        if self.gpus_per_run and requests and not any(request.gpus for request in requests):
            raise LeoBenchError("--gpus-per-run is for runs that compute on a GPU; add --device cuda, or leave it out")
        for request in requests:
            self._refuse_impossible(request)
            self.request = request

    def room(self) -> int:
        """Return how many more tasks may be handed to Ray: what can run now, and a few that wait."""
        if self.request is None:
            return 1
        slots = self._slots()
        if not slots:
            self._say_once("no node of the cluster can take a run at the moment; waiting for one")
        window = slots + max(1, math.ceil(slots * SPARE))
        return min(window, self.jobs or window) - len(self.placed)

    def start(self, task: Task) -> None:
        """Hand a task to Ray. Raises LeoBenchError if no node of the cluster could ever take it."""
        request = self._request(task.settings)
        if request != self.request:
            self._refuse_impossible(request)
            self.request = request
        lock = None
        if self.collect and task.reads is None:
            make_folder(task.folder)
            lock = FileLock(task.folder / LOCK)
            try:
                lock.acquire(timeout=LOCK_SECONDS)
            except Timeout:
                self.busy.append(Ended(task, EXIT_BUSY))
                return
        order, data = self._order(task)
        options = {
            "num_cpus": request.cpus,
            "num_gpus": request.gpus,
            "max_retries": 0,
            "name": f"leo_bench {task.name}",
        }
        self.placed[self.remote.options(**options).remote(order, data)] = _Placed(task, lock)

    def ended(self, patience: float) -> list[Ended]:
        """Return the tasks that ended since the last call; waits up to `patience` seconds for one.

        Their files are in the results folder then. Raises LeoBenchError if a node cannot do runs at all.
        """
        found, self.busy = self.busy, []
        if not self.placed:
            time.sleep(patience)
            return found
        ready, _ = self.ray.wait(list(self.placed), num_returns=1, timeout=patience)
        if ready:
            ready, _ = self.ray.wait(list(self.placed), num_returns=len(self.placed), timeout=0)
        for reference in ready:
            placed = self.placed.pop(reference)
            outcome = self._outcome(reference, placed)
            found += [outcome] if outcome else []
        return found

    def stop(self) -> list[Ended]:
        """Stop all tasks as Ctrl-C would, and return those that ended in time. A second Ctrl-C waits no longer."""
        self.stopping = True
        for reference in self.placed:
            self.ray.cancel(reference)
        found: list[Ended] = []
        end = time.monotonic() + PATIENCE + 10
        try:
            while self.placed and time.monotonic() < end:
                with suppress(LeoBenchError):  # what stopped the study has been said
                    found += self.ended(0.3)
        except KeyboardInterrupt:
            pass
        for reference, placed in self.placed.items():
            self.ray.cancel(reference, force=True)
            _release(placed)
        self.placed.clear()
        self.stopping = False
        return found

    def close(self) -> None:
        """Remove what this executor has left on the nodes and in the results folder."""
        (self.results / self.probe).unlink(missing_ok=True)
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as strategy

        clean = self.ray.remote(clean_node)
        cleaning = [
            clean.options(num_cpus=0, max_retries=0, scheduling_strategy=strategy(node["NodeID"], soft=False)).remote()
            for node in self.ray.nodes()
            if node["Alive"]
        ]
        self.ray.wait(cleaning, num_returns=len(cleaning), timeout=10)

    def _request(self, settings: Settings) -> Request:
        return Request(settings.threads, (self.gpus_per_run or 1) if settings.device == "cuda" else 0)

    def _look(self) -> list[dict[str, float]]:
        """Return the resources of each living node, at most SECONDS_BETWEEN_LOOKS old."""
        if time.monotonic() >= self.looked + SECONDS_BETWEEN_LOOKS:
            self.nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
            self.looked = time.monotonic()
        return self.nodes

    def _slots(self) -> int:
        """Return how many tasks like the last one the cluster can run at the same time."""
        request = self.request
        return sum(request.fits(node) for node in self._look()) if request else 1

    def _refuse_impossible(self, request: Request) -> None:
        """Raise LeoBenchError if no living node has the threads and GPUs of a request."""
        nodes = self._look()
        if not any(request.fits(node) for node in nodes):
            has = "; ".join(sorted({f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes}))
            raise LeoBenchError(
                f"a run needs {request.cpus} CPUs and {request.gpus:g} GPUs on one node, but the nodes of the Ray "
                f"cluster have {has or 'nothing'}; add a larger node, or ask for less (threads, --gpus-per-run)"
            )

    def _order(self, task: Task) -> tuple[Order, list[Any]]:
        """Return a task as it travels, and the reference to its data in a list, so that Ray does not fetch it."""
        sent = None
        if self.collect:
            paths = [task.folder] if task.reads is None else [task.folder / name for name in task.reads]
            paths += [task.source] if task.source else []
            sent = pack(self.results, [path.absolute() for path in paths])
        folder, digest, data = self._data(task)
        engine = {provenance.EXECUTOR: f"Ray {self.ray.__version__}", provenance.COMMIT: self.commit}
        order = Order(
            program=list(task.program[1:]),
            options=list(task.options),
            results=str(self.results),
            folder=self._below_results(task.folder),
            log=self._below_results(task.log),
            environment={**worker_variables(task.settings), **engine, **task.environment},
            learner=task.settings.learner,
            dataset=task.settings.dataset,
            numerics=task.numerics,
            source=self._below_results(task.source) if task.source else "",
            probe=self.probe,
            sent=sent,
            is_trial=task.reads is not None,
            data=folder,
            data_digest=digest,
        )
        return order, data

    def _below_results(self, path: Path) -> str:
        return path.absolute().relative_to(self.results).as_posix()

    def _data(self, task: Task) -> tuple[str, str, list[Any]]:
        """Return folder, digest and reference of the data of a task; the last two only once nodes share no disk."""
        if not needs_files(task.settings):
            return "", "", []
        if task.data not in self.data or (self.collect and not self.data[task.data][2]):
            source = locate("omniglot", task.data)
            assert source.path is not None
            parcel = pack_data(source) if self.collect else None
            sent = [self.ray.put(parcel)] if parcel else []
            self.data[task.data] = str(source.path.absolute()), parcel.digest if parcel else "", sent
        return self.data[task.data]

    def _outcome(self, reference: Any, placed: _Placed) -> Ended | None:
        """Return how a task ended, with its files put in place; None if it is started again on a disk of its own."""
        task = placed.task
        try:
            outcome: Outcome = self.ray.get(reference)
            if outcome.refused:
                raise LeoBenchError(outcome.refused)
            if outcome.shares_no_disk:
                if self.stopping:
                    return Ended(task, EXIT_INTERRUPTED)
                self.collect = True
                self._say_once("a node does not see the results folder: nodes send back what they made")
                self.start(task)
                return None
            self._compare_versions(outcome)
            if outcome.parcel is not None:
                if not outcome.parcel.is_whole:
                    return Ended(task, EXIT_FAILED, "what came back of it from its node is damaged")
                self._put_in_place(task, outcome.parcel)
            return Ended(task, outcome.code)
        except self.ray.exceptions.TaskCancelledError:
            return Ended(task, EXIT_INTERRUPTED)
        except self.ray.exceptions.RayTaskError as error:
            reason = f"{type(error.cause).__name__}: {error.cause}"
            mend = "; give every node the packages of requirements.lock" if isinstance(error.cause, ImportError) else ""
            raise LeoBenchError(f"a node cannot start runs ({shortened(reason, 200)}){mend}") from None
        except self.ray.exceptions.RuntimeEnvSetupError as error:
            raise LeoBenchError(f"a node cannot unpack the source: {shortened(str(error), 200)}") from None
        except self.ray.exceptions.RayError as error:  # the node or the process of Ray died, or memory ran out
            return Ended(task, EXIT_FAILED, f"its node, or the process there, died ({type(error).__name__})")
        finally:
            _release(placed)

    def _put_in_place(self, task: Task, parcel: Parcel) -> None:
        """Write what a node has made into the results folder."""
        if task.reads is None:
            replace_folder(parcel, self.results, task.folder.absolute())
            return
        work = Path(tempfile.mkdtemp(prefix=".brought-", dir=self.results))
        try:
            unpack(parcel, work)
            log = work / self._below_results(task.log)
            if log.exists():
                write_atomic(task.log, log.read_bytes())
            for folder in run_folders(work) if (work / RUNS).is_dir() else []:
                merged = merge_run(folder, task.folder.absolute().parent / RUNS)
                if merged.outcome in ("differs", "damaged", "held"):
                    self.say(f"run {merged.run_key} of a trial: {merged.outcome}: {merged.message}")
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _compare_versions(self, outcome: Outcome) -> None:
        """Say once if a node has other versions of packages that can change a number."""
        here = provenance.versions()
        for name, version in (outcome.versions or {}).items():
            if here.get(name) != version:
                self._say_once(f"a node has {name} {version}, not {here.get(name)} as here; its numbers may differ")

    def _say_once(self, words: str) -> None:
        if words not in self.said:
            self.said.add(words)
            self.say(words)


def _allow_open_files() -> None:
    """Raise the limit on open files as far as this user may: each run that is out on a node has an open lock."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _release(placed: _Placed) -> None:
    if placed.lock is not None:
        placed.lock.release()


def on_node(order: Order, data: list[Any]) -> Outcome:
    """Do an order on the node that Ray has chosen. data: reference to the parcel with the data, in a list."""
    import ray

    def fetch() -> Parcel:
        parcel: Parcel = ray.get(data[0])
        return parcel

    return do(order, fetch, node_place())


def clean_node() -> None:
    """Remove the folder of this driver on the node."""
    shutil.rmtree(node_place(), ignore_errors=True)


def node_place() -> Path:
    """Return the folder for data, caches and unfinished work of this driver on this node. It need not be there."""
    import ray

    context = ray.get_runtime_context()
    own = f"leo_bench-{os.getuid()}-{context.get_node_id()[:16]}-{context.get_job_id()}"
    return Path(tempfile.gettempdir()) / own


def _reach(address: str) -> None:
    """Raise LeoBenchError if nothing listens at an address. Ray itself would try for many minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise LeoBenchError(f"--ray {address}: expected auto, local, or HOST:PORT of the head of a cluster")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
    except OSError as error:
        raise _no_connection(address, error) from None


def _no_connection(address: str, error: Exception) -> LeoBenchError:
    return LeoBenchError(
        f"--ray {address}: no connection to a Ray cluster ({shortened(str(error), 200)}); start one "
        "(ray start --head), or use --ray local"
    )


@contextmanager
def connected(
    address: str, results: Path, jobs: int | None = None, gpus_per_run: float | None = None, collect: bool = False
) -> Iterator[RayExecutor]:
    """Connect to a Ray cluster, send it the source, and disconnect at the end.

    address: "local" starts Ray on this machine alone, without ports for others; "auto" finds the cluster that runs on
    this machine; or HOST:PORT of the head. Raises LeoBenchError if Ray is not installed or there is no such cluster.
    """
    if address.startswith("ray://"):
        raise LeoBenchError(
            f"--ray {address} is an address of Ray Client; run the command on a machine of the cluster, with --ray auto"
        )
    if address not in ("auto", "local"):
        _reach(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == "local":
        os.environ.setdefault(LOOPBACK, "0")
    try:
        import ray
    except ImportError:
        raise LeoBenchError(
            "--ray needs Ray, which is not installed; in a checkout: make venv RAY=local, else: pip install "
            "'leo_bench[ray]'"
        ) from None
    with tempfile.TemporaryDirectory(prefix="leo_bench-source-") as source:
        copy = Path(source) / provenance.PACKAGE.name
        shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        own = {"num_cpus": os.cpu_count() or 1, "include_dashboard": False} if address == "local" else {}
        try:
            ray.init(
                address=address,
                runtime_env={"working_dir": source},
                log_to_driver=False,
                logging_level=logging.ERROR,
                **own,
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise _no_connection(address, error) from None
        _allow_open_files()
        try:
            executor = RayExecutor(ray, results, jobs, gpus_per_run, collect)
            try:
                yield executor
            finally:
                executor.stop()
                executor.close()
        finally:
            ray.shutdown()
