"""`leo-bench data`: what data there is."""

import argparse

from leo_bench.data import describe, draw_sheets, load_images, locate


def command_data(options: argparse.Namespace) -> None:
    source = locate(options.dataset, options.data)
    print(describe(source))
    if options.sheets:
        for path in draw_sheets(load_images(source, 105), options.sheets):
            print(f"drawn       {path}")
