"""Entry into the source of an earlier commit. A copy of this file beside that source is started, with it on the path.

    python -m at_commit digest LEARNER DATASET                     print the numerics digest of that source
    python -m at_commit run FOLDER ALL CHANGED [--data FOLDER]     do one run in FOLDER

ALL: every setting as JSON; those that the source does not know yet are left out. CHANGED: those that are not at their
default today, which it must know. Only the standard library is imported from here, because modules have moved since.
"""

import argparse
import importlib
import inspect
import json
import sys
from pathlib import Path
from types import ModuleType


def only_this_source() -> None:
    """Keep an editable installation of leo_bench from lending its modules to a source that lacks them."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]


def module_of(*names: str) -> ModuleType:
    """Return the first of these modules of leo_bench that the source has."""
    for name in names:
        try:
            return importlib.import_module(f"leo_bench.{name}")
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("leo_bench"):  # a package that is not installed
                raise
    raise ModuleNotFoundError(f"this source has none of the modules {', '.join(names)}")


def digest(learner: str, dataset: str) -> str:
    """Return the numerics digest of a run of this learner. Early sources have one digest for all learners."""
    function = module_of("running.numerics", "provenance").numerics_digest
    return str(function(learner, dataset) if inspect.signature(function).parameters else function())


def run(folder: Path, values: dict[str, object], changed: dict[str, object], data: Path | None) -> None:
    """Do one run in its folder. values, changed: settings as above."""
    config = module_of("config")
    known = {name: value for name, value in values.items() if name in config.Settings.model_fields}
    settings = config.make_settings({**known, **changed})
    module_of("running.experiment", "experiment").execute(folder, settings, data)


def main(arguments: list[str] | None = None) -> int:
    """Print a digest, or do one run. Returns the exit code."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    asked = commands.add_parser("digest")
    asked.add_argument("learner")
    asked.add_argument("dataset")
    doing = commands.add_parser("run")
    doing.add_argument("folder", type=Path)
    doing.add_argument("all", type=json.loads)
    doing.add_argument("changed", type=json.loads)
    doing.add_argument("--data", type=Path)
    options = parser.parse_args(arguments)
    only_this_source()
    if options.command == "digest":
        print(digest(options.learner, options.dataset))
    else:
        run(options.folder, options.all, options.changed, options.data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
