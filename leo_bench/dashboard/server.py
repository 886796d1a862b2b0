"""optuna-dashboard over what results/ holds, on this machine alone: a database made from files, kept up to date while
searches and studies run, and thrown away at the end. The dashboard can delete; files are only read.
"""

import errno
import mimetypes
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from optuna_dashboard import wsgi

from leo_bench.dashboard.database import Mirror
from leo_bench.dashboard.shown import Board, Place
from leo_bench.dashboard.shown_search import search_board
from leo_bench.dashboard.shown_study import RunCache, study_board
from leo_bench.errors import LeoBenchError
from leo_bench.records import find_studies
from leo_bench.records.search import find_searches
from leo_bench.running.child_processes import sigterm_interrupts

HOST = "127.0.0.1"
"""No other machine gets in: the dashboard asks for no password."""
POLL_SECONDS = 3.0

Say = Callable[[str], None]


def serve(results: Path, reports: Path, port: int = 8080, say: Say = print) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises LeoBenchError where the port is taken or there is nothing to show."""
    try:
        with sigterm_interrupts(), warnings.catch_warnings(), dashboard(results, reports, port, say) as server:
            warnings.simplefilter("ignore")  # of importances among trials that are all alike, say
            server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        say("dashboard stopped")


@contextmanager
def dashboard(results: Path, reports: Path, port: int, say: Say, seconds: float = POLL_SECONDS) -> Iterator[WSGIServer]:
    """The server, which waits to serve, and a thread that brings its database up to date every so many seconds. Port
    0 is any free one. Raises LeoBenchError as serve does."""
    _check_port(port)
    place = Place(results, reports)
    if not sources(results):
        raise LeoBenchError(f"no study or search in {results}/; run one first: make ablations, or make search")
    with (
        open_server(port) as server,
        tempfile.TemporaryDirectory(prefix="leo_bench-dashboard-", ignore_cleanup_errors=True) as folder,
    ):
        address = f"http://{HOST}:{server.server_port}/"
        say(f"dashboard: {address}  (Ctrl-C stops it; nothing you delete there touches {results}/)")
        mirror = Mirror(Path(folder))
        app = wsgi(mirror.storage, artifact_store=mirror.artifacts)
        server.set_app(with_reports(app, reports))
        # The dashboard keeps trials for seconds, and for good which parameters all trials share: one that has not
        # drawn its parameters yet would empty that for ever.
        follower = Follower(place, mirror, say, on_change=app._inmemory_cache.clear)
        stop = threading.Event()
        thread = threading.Thread(target=follower.run, args=(stop, seconds), name="follower", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            thread.join(timeout=10)
            mirror.close()


# files -> database


def sources(results: Path) -> dict[Path, str]:
    """Folders that hold something to show, and what: search or study. The dashboard lists what was added last at the
    top: that is the searches, and what is published comes first."""
    found = {folder: "study" for folder in find_studies(results)} | {f: "search" for f in find_searches(results)}
    return dict(sorted(found.items(), key=lambda item: item[0].parent == results))


class Follower:
    """Brings the mirror up to date with the files."""

    def __init__(self, place: Place, mirror: Mirror, say: Say, on_change: Callable[[], None] = lambda: None) -> None:
        self.place, self.mirror, self.say, self.on_change = place, mirror, say, on_change
        self.runs = RunCache()
        self.said: dict[Path, str] = {}
        """What is wrong with a source, as it was said."""

    def run(self, stop: threading.Event, seconds: float) -> None:
        """Look at the files until stop."""
        self.look(stop)
        n_trials = sum(known.n_trials for known in self.mirror.known.values())
        if not stop.is_set():
            self.say(f"shown: {len(self.mirror.known)} studies and searches, {n_trials} trials; kept up to date")
        while not stop.wait(seconds):
            self.look(stop)

    def look(self, stop: threading.Event | None = None) -> None:
        """Look at the files once. What cannot be read or shown is named, once, and passed over."""
        for folder, kind in sources(self.place.results).items():
            if stop is not None and stop.is_set():
                return
            try:
                if self.mirror.show(self._board(folder, kind)):
                    self.on_change()
                self.said.pop(folder, None)
            except Exception as error:  # noqa: BLE001 - one source must not end the others'
                words = str(error) if isinstance(error, LeoBenchError) else f"{type(error).__name__}: {error}"
                line = f"{folder} is passed over: {' '.join(words.split())}"
                if self.said.get(folder) != line:
                    self.say(line)
                self.said[folder] = line

    def _board(self, folder: Path, kind: str) -> Board:
        if kind == "search":
            return search_board(folder, self.place)
        return study_board(folder, self.place, self.runs)


# the server


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without asking the network for this machine's name, which can take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away in the middle of an answer is no news."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """No line per request."""


def _check_port(port: int) -> None:
    if not 0 <= port <= 65535:
        raise LeoBenchError(f"--port must be 1 to 65535 (0: any free one), got {port}")


def open_server(port: int) -> WSGIServer:
    """A server that listens on HOST alone. Raises LeoBenchError where the port cannot be had."""
    try:
        return _Server((HOST, port), _Quiet)
    except OSError as error:
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise LeoBenchError(
            f"port {port} {why}; name another: --port {port + 1 if 1023 < port < 65535 else 8081}"
        ) from None


def with_reports(app: Any, reports: Path) -> Any:
    """The WSGI application, and the files of reports/ below /reports/: notes link to them."""
    root = reports.resolve()

    def both(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/reports/"):
            return app(environ, start_response)
        file = (root / path.removeprefix("/reports/")).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"no such report\n"]
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        start_response("200 OK", [("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)])
        return [file.read_bytes()]

    return both
