"""`leo-bench dashboard`: optuna-dashboard over what results/ holds."""

import argparse
from functools import partial


def command_dashboard(options: argparse.Namespace) -> None:
    from leo_bench.dashboard.server import serve

    serve(options.results, options.reports, options.port, partial(print, flush=True))
