"""`leo-bench dashboard`: optuna-dashboard on the searches and studies in results/."""

import argparse
from functools import partial


def command_dashboard(options: argparse.Namespace) -> None:
    """Serve the dashboard until Ctrl-C."""
    from leo_bench.dashboard.server import serve

    serve(options.results, options.reports, options.port, partial(print, flush=True))
