"""For all tests: one thread each, as runs have, so that numbers do not depend on the machine's cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; subprocesses inherit it
os.environ.setdefault("MKL_NUM_THREADS", "1")
