"""Nothing in a file that leo_bench reads can run code, and nothing that it writes names the user or the machine."""

import ast
import getpass
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for folder in ("leo_bench", "tools", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle", "yaml"}
"""Modules whose readers can run what a file says."""
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}
OPENS_A_SHELL = {"system", "popen", "getoutput", "getstatusoutput"}


def unsafe(source: str) -> Iterator[tuple[int, str]]:
    """Return line and name of each import and call that could run what a file says."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            yield from ((node.lineno, name) for name in names if name.split(".")[0] in UNSAFE_MODULES)
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        last = called.rpartition(".")[2]
        if called in UNSAFE_CALLS or (called.startswith(("os.", "subprocess.")) and last in OPENS_A_SHELL):
            yield node.lineno, called
        if last == "load" and called.startswith("torch"):
            yield node.lineno, called
        if given.get("shell", "False") != "False":
            yield node.lineno, f"{called} through a shell"
        if given.get("allow_pickle", "False") != "False":
            yield node.lineno, f"{called} with pickle"


def test_what_is_unsafe_is_found() -> None:
    source = (
        "import pickle, json\nfrom joblib import load\nimport torch\ntorch.load(x)\neval(y)\nos.system(z)\n"
        "subprocess.run(a, shell=True)\nnp.load(b, allow_pickle=True)\nnp.load(c)\nre.compile(d)\nmodel.eval()\n"
    )
    assert [line for line, _ in unsafe(source)] == [1, 2, 4, 5, 6, 7, 8]


def test_no_source_can_run_what_a_file_says() -> None:
    assert len(SOURCES) > 200
    assert [(path.name, *one) for path in SOURCES for one in unsafe(path.read_text(encoding="utf-8"))] == []


def test_pages_escape_what_they_are_given() -> None:
    """Templates mark no value as safe, and the one place that fills them escapes (tests/report has what comes out)."""
    for path in (ROOT / "leo_bench/report/templates").iterdir():
        assert not re.search(r"\|\s*safe\b|autoescape\s+false", path.read_text(encoding="utf-8")), path
    assert "autoescape=True" in (ROOT / "leo_bench/report/pages.py").read_text(encoding="utf-8")


RECORDS = [path for path in sorted((ROOT / "results/official").rglob("*.json"))]
ADDRESS = re.compile(r"[a-z+]+://|\b\w+@[\w.-]+\.\w{2,}|\b\d{1,3}(\.\d{1,3}){3}\b")
"""URLs, e-mail addresses and IP addresses."""
HOME = re.compile(r"/(home|Users|root)/\w+")


def texts(value: object) -> Iterator[str]:
    """Return all texts in a JSON value, the names of its entries too."""
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from texts(inner)
    if isinstance(value, str):
        yield value


def test_published_records_name_no_user_no_host_and_no_address() -> None:
    own = {getpass.getuser(), socket.gethostname()} - {"root", "localhost"}
    assert RECORDS
    for path in RECORDS:
        for text in set(texts(json.loads(path.read_text(encoding="utf-8")))):
            assert not ADDRESS.search(text), (path, text)
            assert not HOME.search(text), (path, text)
            assert not own & set(re.split(r"\W+", text)), (path, text)


def test_a_new_record_describes_the_machine_without_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from leo_bench.running import provenance

    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setattr(socket, "gethostname", lambda: "machine-of-somebody")
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "machine-of-somebody", "6.0", "1", "x86_64")))
    said = json.dumps([provenance.host(), provenance.versions(), provenance.commit()])
    assert "somebody" not in said
    assert set(provenance.host()) - {"instructions"} == {"system", "processor", "cores", "memory_gb"}
