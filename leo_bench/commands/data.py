"""`leo-bench data`: describe the data set found and draw contact sheets."""

import argparse

from leo_bench.commands.given import refuse_unused_data
from leo_bench.data.bank import load_images
from leo_bench.data.describe import describe, draw_sheets
from leo_bench.data.locate import locate
from leo_bench.records import make_folder


def command_data(options: argparse.Namespace) -> None:
    """Print where the data set was found and its digest; draw contact sheets if asked."""
    if options.dataset != "auto":
        refuse_unused_data(options.data, [options.dataset])
    source = locate(options.dataset, options.data)
    print(describe(source))
    if options.sheets:
        make_folder(options.sheets)
        for path in draw_sheets(load_images(source, 105), options.sheets):
            print(f"drawn       {path}")
