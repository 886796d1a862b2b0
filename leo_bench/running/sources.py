"""Sources that can do a recorded run again: this one, or that of the commit in its record. No torch."""

import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leo_bench.config import Settings, differing
from leo_bench.data.locate import locate
from leo_bench.errors import LeoBenchError
from leo_bench.records import make_folder
from leo_bench.running import provenance
from leo_bench.running.attempts import last_words
from leo_bench.running.child_processes import PYTHON, import_path
from leo_bench.running.executor import Task
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.worker import WORKER, worker_options

AT_COMMIT = Path(__file__).with_name("at_commit.py")
"""Entry into the source of an earlier commit. A copy of it lies beside each one that is unpacked."""
CHANGES = "+changes"
"""Ending of a recorded commit if files differed from it (provenance.py)."""


@dataclass(frozen=True)
class Source:
    """Source of leo_bench that does a run."""

    numerics: str
    """Its numerics digest for the run."""
    root: Path | None = None
    """Folder that holds its package and a copy of AT_COMMIT; None for this source."""
    name: str = "this source"

    def task(self, settings: Settings, results: Path, folder: Path, data: Path | None) -> Task:
        """Return the task of doing the run of these settings in a folder below results, as the source itself is.

        data: folder of Omniglot, if the user names one.
        """
        program: Sequence[str] = WORKER
        options = worker_options(settings)
        if self.root is not None:
            data = data or locate(settings.dataset).path  # a source elsewhere would not look beside this checkout
            values = settings.canonical()
            program = (*PYTHON, AT_COMMIT.stem, "run")
            options = [json.dumps(some, sort_keys=True) for some in (values, differing(values))]
        return Task(
            name=folder.name,
            program=program,
            results=results,
            folder=folder,
            settings=settings,
            log=folder / "stderr.txt",
            options=options,
            data=data.absolute() if data else None,
            numerics="" if self.root else self.numerics,
            source=self.root,
        )


@dataclass
class Sources:
    """Sources of recorded runs. Those of earlier commits are unpacked once, into a folder."""

    folder: Path
    unpacked: dict[str, Path | str] = field(default_factory=dict)
    """Commit -> folder of its source, or the reason why there is none."""
    digests: dict[Sequence[str], str] = field(default_factory=dict)
    """(commit, learner, data set) -> numerics digest."""

    def of_record(self, settings: Settings, numerics: str, commit: str) -> Source:
        """Return the source with the numerics digest of a record: this one, or that of its commit.

        numerics, commit: those of the record. Raises LeoBenchError, with the reason, if there is no such source.
        """
        own = numerics_digest(settings.learner, settings.dataset)
        if numerics == own:
            return Source(own)
        short = commit.removesuffix(CHANGES)
        root = self._root(short)
        found = self._digest(root, short, settings)
        if found != numerics:
            why = "changes that were not committed" if commit.endswith(CHANGES) else "another commit"
            raise LeoBenchError(
                f"its source is not in the repository: commit {short} has numerics digest {found}, the record "
                f"{numerics}, so {why} decided its numbers"
            )
        return Source(numerics, root, f"the source of commit {short}")

    def _root(self, commit: str) -> Path:
        """Return the folder with the source of a commit. Raises LeoBenchError if it cannot be had."""
        if commit not in self.unpacked:
            try:
                self.unpacked[commit] = unpacked(commit, self.folder / f"source-{commit}")
            except LeoBenchError as error:
                self.unpacked[commit] = str(error)
        root = self.unpacked[commit]
        if isinstance(root, str):
            raise LeoBenchError(root)
        return root

    def _digest(self, root: Path, commit: str, settings: Settings) -> str:
        """Return the numerics digest of the source in a folder. Raises LeoBenchError if it cannot be run."""
        asked = (commit, settings.learner, settings.dataset)
        if asked not in self.digests:
            done = subprocess.run(
                [*PYTHON, AT_COMMIT.stem, "digest", *asked[1:]],
                env={**os.environ, **import_path(root)},
                capture_output=True,
                encoding="utf-8",
                errors="replace",
            )
            if done.returncode:
                raise LeoBenchError(f"the source of commit {commit} cannot be run here: {last_words(done.stderr)}")
            self.digests[asked] = done.stdout.strip()
        return self.digests[asked]


def unpacked(commit: str, folder: Path) -> Path:
    """Unpack the package of a commit of this repository into a folder, with AT_COMMIT, and return the folder.

    Raises LeoBenchError if this is no checkout or if it lacks the commit.
    """
    if not re.fullmatch("[0-9a-f]{7,40}", commit):
        raise LeoBenchError("its source is not this one, and its record names no commit")
    if provenance.commit() == "unknown":
        raise LeoBenchError(f"its source is that of commit {commit}, and this is no checkout with git")
    package = provenance.PACKAGE
    try:
        archived = provenance.git(package.parent, "archive", "--format=zip", commit, package.name)
    except subprocess.CalledProcessError:
        raise LeoBenchError(
            f"its source is that of commit {commit}, which this repository lacks; a shallow clone gets it by: "
            "git fetch --unshallow"
        ) from None
    make_folder(folder)
    with zipfile.ZipFile(io.BytesIO(archived)) as archive:
        archive.extractall(folder)
    shutil.copy(AT_COMMIT, folder)
    return folder
