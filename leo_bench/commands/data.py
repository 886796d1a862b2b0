"""`leo-bench data`: describe the data set that is found."""

import argparse

from leo_bench.data.bank import load_images
from leo_bench.data.describe import describe, draw_sheets
from leo_bench.data.locate import locate


def command_data(options: argparse.Namespace) -> None:
    source = locate(options.dataset, options.data)
    print(describe(source))
    if options.sheets:
        for path in draw_sheets(load_images(source, 105), options.sheets):
            print(f"drawn       {path}")
