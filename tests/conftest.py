"""For all tests: one thread each, as runs have, so that numbers do not depend on the machine, and no wait for disks."""

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; subprocesses inherit it
os.environ.setdefault("MKL_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Let records be written without fsync: only a loss of power could tell, and waiting takes minutes in all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leo_bench.records.files.os.fsync", lambda _: None)
        yield
