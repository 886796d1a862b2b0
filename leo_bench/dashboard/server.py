"""The web server of the dashboard: optuna-dashboard and the reports, on this machine only.

Its database is made from files, kept up to date while searches and studies run, and removed at the end. In the
dashboard studies can be deleted; the files are only read.
"""

import errno
import mimetypes
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from optuna_dashboard import wsgi

from leo_bench.dashboard.content import Folders
from leo_bench.dashboard.follow import Follower, Say, sources
from leo_bench.dashboard.optuna_database import OptunaDatabase
from leo_bench.errors import LeoBenchError
from leo_bench.running.child_processes import signals_interrupt

HOST = "127.0.0.1"
"""Address reachable from this machine only: the dashboard asks for no password."""
POLL_SECONDS = 3.0
"""Time between two looks at the files."""


def serve(results: Path, reports: Path, port: int = 8080, say: Say = print) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises LeoBenchError if the port is taken or there is nothing to show."""
    try:
        with signals_interrupt(), warnings.catch_warnings(), dashboard(results, reports, port, say) as server:
            warnings.simplefilter("ignore")  # for example of importances among trials with equal values
            server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        say("dashboard stopped")


@contextmanager
def dashboard(results: Path, reports: Path, port: int, say: Say, seconds: float = POLL_SECONDS) -> Iterator[WSGIServer]:
    """Yield the server once it has a study to show. A thread brings its database up to date every so many seconds.

    The address is said then, not before, so that no page and no answer is empty. port: 0 takes any free one. Raises
    LeoBenchError as serve does.
    """
    _check_port(port)
    if not sources(results):
        raise LeoBenchError(f"no study or search in {results}/; run one first: make ablations, or make search")
    with (
        open_server(port) as server,
        tempfile.TemporaryDirectory(prefix="leo_bench-dashboard-", ignore_cleanup_errors=True) as folder,
    ):
        address = f"http://{HOST}:{server.server_port}/"
        ready, stop = threading.Event(), threading.Event()

        def say_address() -> None:
            say(f"dashboard: {address}  (Ctrl-C stops it; nothing you delete there touches {results}/)")
            ready.set()

        database = OptunaDatabase(Path(folder))
        app = DashboardApp(wsgi(database.storage, artifact_store=database.artifacts))
        server.set_app(with_reports(app, reports))
        follower = Follower(Folders(results, reports), database, say, app.empty_cache, say_address)
        thread = threading.Thread(target=follower.run, args=(stop, seconds), name="follower", daemon=True)
        thread.start()
        try:
            ready.wait()
            yield server
        finally:
            stop.set()
            thread.join(timeout=10)
            database.close()


class DashboardApp:
    """optuna-dashboard's WSGI application. Its cache can be emptied, between requests only.

    optuna-dashboard caches trials for seconds, and for ever the parameters that all trials have. A trial that has drawn
    no parameters yet leaves that second cache empty, so the cache must be emptied after every change. A request that
    read trials before a change must not fill the cache after it was emptied.
    """

    def __init__(self, app: Any) -> None:
        self.app, self.lock = app, threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        with self.lock:
            return self.app(environ, start_response)

    def empty_cache(self) -> None:
        with self.lock:
            self.app._inmemory_cache.clear()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without looking up this machine's name on the network, which can take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore browsers that close a connection early."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Log no requests."""


def _check_port(port: int) -> None:
    if not 0 <= port <= 65535:
        raise LeoBenchError(f"--port must be 1 to 65535 (0: any free one), got {port}")


def open_server(port: int) -> WSGIServer:
    """Return a server that listens on HOST only. Raises LeoBenchError if the port cannot be opened."""
    try:
        return _Server((HOST, port), _Quiet)
    except OSError as error:
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
        raise LeoBenchError(
            f"port {port} {why}; name another: --port {port + 1 if 1023 < port < 65535 else 8081}"
        ) from None


def with_reports(app: Any, reports: Path) -> Any:
    """Return a WSGI application that serves the files of reports/ below /reports/, and app everywhere else."""
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
