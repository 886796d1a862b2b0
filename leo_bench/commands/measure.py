"""`leo-bench measure`: measure what the parts of trained models do."""

import argparse
import sys
from pathlib import Path

from leo_bench.commands.given import options_given, refuse_alone, refuse_unused_data
from leo_bench.commands.runs import find_run
from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.records import RUNS, Measures, folder_name, load_study, read_settings, write_atomic


def command_measure(options: argparse.Namespace) -> int:
    """Measure done runs, write measures.json in their folders and print the values. Returns the exit code.

    A run that cannot be measured gets one line, and the others are measured. Raises LeoBenchError if the command line
    names no run, or if its only run cannot be measured.
    """
    folders = _folders(options)
    if options.data is not None:  # measures are taken on the data set of the training alone
        refuse_unused_data(options.data, {read_settings(folder).dataset for folder in folders})
    if options.figure is not None:
        return _draw(options.figure, folders, options.data)
    from leo_bench.running.measure import measure_run

    refused = []
    for folder in folders:
        try:
            _print(measure_run(folder, options.data), folder)
        except LeoBenchError as error:
            if len(folders) == 1:
                raise
            refused.append(folder)
            print(f"not measured: {error}", file=sys.stderr)
    if len(folders) > 1:
        print(f"{len(folders) - len(refused)} of {len(folders)} runs measured")
    return EXIT_FAILED if refused else 0


def _folders(options: argparse.Namespace) -> list[Path]:
    """Return the folders of the runs that the command line names, each once."""
    if options.study is None:
        refuse_alone("--study", options_given(options, "profile"))
        if not options.keys:
            raise LeoBenchError("no run is named; give run keys, or a study: leo-bench measure --study NAME")
        return [find_run(options.results, key) for key in dict.fromkeys(options.keys)]
    if options.keys:
        raise LeoBenchError("run keys and --study are given; leave out one or the other")
    view = load_study(options.results / folder_name(options.study, options.profile))
    keys = dict.fromkeys(run.planned.run_key for run in view.done)
    if not keys:
        raise LeoBenchError(
            f"study {options.study}-{options.profile} has no done run to measure; run it first: "
            f"leo-bench study {options.study} --profile {options.profile}"
        )
    return [options.results / RUNS / key for key in keys]


def _print(found: Measures, folder: Path) -> None:
    """Print the measures of one run."""
    print(f"run {found.run_key}, {found.n_episodes} test episodes of {found.n_way} ways and {found.k_shot} shots")
    for name, measure in found.measures.items():
        print(f"  {name:45} {measure.value:9.4g}  {measure.unit}")
    print(f"recorded in {folder}")


def _draw(target: Path, folders: list[Path], data: Path | None) -> int:
    """Draw the top latent directions of one run into a PNG file. Returns the exit code."""
    from leo_bench.figures.latent_directions import directions_png
    from leo_bench.running.measure import latent_directions

    if len(folders) != 1:
        raise LeoBenchError(f"--figure draws one run, and {len(folders)} are named; name one run key")
    write_atomic(target, directions_png(latent_directions(folders[0], data)))
    print(target)
    return 0
