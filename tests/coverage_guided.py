"""Coverage-guided fuzzing of all that is read: inputs that reach new lines of the source are kept and changed further.

Run: python tests/coverage_guided.py TARGET [options of libFuzzer], for example -max_total_time=600. TARGET is study,
search, settings, record or zip. It needs atheris (pip install atheris), which is not among the packages of the tests.
An input that gives a traceback, a message of several lines or a number that is believed although its file is damaged
ends it, and is written to the working folder.
"""

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris
import pandas  # noqa: F401  # imported before leo_bench, so that it is not instrumented
import torch  # noqa: F401

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS), str(TESTS.parent), *(str(TESTS / name) for name in ("commands", "records", "data"))]

with atheris.instrument_imports(include=["leo_bench", "tomllib", "json", "zipfile"]):
    import test_fuzz_commands
    import test_fuzz_records
    import test_fuzz_zips

    from leo_bench.config import make_settings, planned_tests
    from leo_bench.data import omniglot
    from leo_bench.data.locate import GLYPHS, DataSource
    from leo_bench.errors import LeoBenchError
    from leo_bench.records import Plan, load_study
    from leo_bench.records.search import read_search, trial_runs
    from leo_bench.running.plan import make_plan, parse_seeds
    from leo_bench.search.file import read_search_file

Target = tuple[Callable[[bytes], None], list[bytes]]
"""Function that takes an input, and the inputs to begin with."""


def one_line(error: LeoBenchError) -> None:
    text = str(error)
    assert text.strip() and "\n" not in text and "Traceback" not in text, repr(text)


def toml_files(place: Path, kind: str) -> Target:
    tables = test_fuzz_commands.STUDY if kind == "study" else test_fuzz_commands.SEARCH
    studies = [path.read_bytes() for path in sorted((TESTS.parent / "studies").glob("*.toml"))]

    def read(data: bytes) -> None:
        (place / "s.toml").write_bytes(data)
        try:
            if kind == "study":
                plan = make_plan(place, "s", "p", GLYPHS)
                assert Plan.model_validate_json(plan.model_dump_json()) == plan
            else:
                read_search_file(place, "s")
        except LeoBenchError as error:
            one_line(error)

    return read, [test_fuzz_commands.file_of(tables).encode(), *studies]


def settings(place: Path, kind: str) -> Target:
    def read(data: bytes) -> None:
        try:
            values = json.loads(data)
        except (ValueError, RecursionError):
            values = data.decode("utf-8", "replace")
        try:
            if isinstance(values, dict):
                made = make_settings(values)
                again = json.loads(json.dumps(made.canonical(), allow_nan=False))
                assert make_settings(again).run_key == made.run_key and planned_tests(made)
            elif isinstance(values, str):
                parse_seeds(values)
        except LeoBenchError as error:
            one_line(error)

    return read, [b'{"learner": "leo", "latent_dim": 32}', json.dumps(make_settings({}).canonical()).encode(), b"0,2-4"]


def records(place: Path, kind: str) -> Target:
    """The first byte of an input says which file of a study, or of a search, has the others as its content."""
    folder = test_fuzz_records.folder.__wrapped__(place)
    trials = [test_fuzz_records.make_trial(0, [0.5]), test_fuzz_records.make_trial(1)]
    search = test_fuzz_records.write_search(place / "s", test_fuzz_records.make_search(), trials)
    files = [*test_fuzz_records.files_of(folder).values(), search / "search.json", search / "trials.json"]
    good = [path.read_bytes() for path in files]
    before = load_study(folder).headlines().to_csv() + load_study(folder).scores().to_csv()

    def read(data: bytes) -> None:
        number = data[0] % len(files) if data else 0
        files[number].write_bytes(data[1:])
        try:
            if files[number].parent == search:
                trial_runs(search, *read_search(search))
                return
            view = load_study(folder)
            assert all("\n" not in run.message for run in [*view.runs, *view.copies])
            if files[number].name != "study.json":
                damaged, other = view.runs
                assert other.status == "done"
                if damaged.status == "done":
                    damaged.correct(damaged.tests[0])
                    assert view.headlines().to_csv() + view.scores().to_csv() == before
        except LeoBenchError as error:
            assert files[number].name in ("study.json", "search.json", "trials.json"), "a damaged run hides its study"
            one_line(error)
        finally:
            files[number].write_bytes(good[number])

    return read, [bytes([number]) + content for number, content in enumerate(good)]


def zips(place: Path, kind: str) -> Target:
    (place / "zips").mkdir()
    for name, files in test_fuzz_zips.entries().items():
        (place / "zips" / f"{name}.zip").write_bytes(test_fuzz_zips.zipped(files))
    (place / "secret.png").write_text(test_fuzz_zips.SECRET)
    source = DataSource("omniglot", "zips", place / "zips")
    first = place / "zips" / "images_background.zip"
    good, before = first.read_bytes(), sorted(place.rglob("*"))

    def read(data: bytes) -> None:
        first.write_bytes(data)
        try:
            omniglot.read(source, test_fuzz_zips.TINY)
        except LeoBenchError as error:
            one_line(error)
        assert sorted(place.rglob("*")) == before and (place / "secret.png").read_text() == test_fuzz_zips.SECRET

    few = dict(list(test_fuzz_zips.entries()["images_background"].items())[:2])
    return read, [good, test_fuzz_zips.zipped({**few, "../x.png": b"x", "__MACOSX/a": b""})]


TARGETS = {"study": toml_files, "search": toml_files, "settings": settings, "record": records, "zip": zips}


def main() -> None:
    """Fuzz the target that the command line names."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        raise SystemExit(f"usage: coverage_guided.py {{{','.join(TARGETS)}}} [options of libFuzzer]")
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    (place / "target").mkdir()
    (place / "corpus").mkdir()
    read, examples = TARGETS[sys.argv[1]](place / "target", sys.argv[1])
    for number, example in enumerate(examples):
        (place / "corpus" / str(number)).write_bytes(example)

    def quietly(data: bytes) -> None:
        with contextlib.redirect_stderr(io.StringIO()):
            read(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:], str(place / "corpus")], quietly)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
