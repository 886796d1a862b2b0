"""The page check's own logic, without a browser."""

from pathlib import Path

import pytest

from tools.chromium import find_browser
from tools.page_check.__main__ import find_pages, main
from tools.page_check.finding import Finding, lines
from tools.page_check.links import broken_links
from tools.page_check.text import needed, ratio, text_faults

WHITE, BLACK = (255, 255, 255), (0, 0, 0, 1.0)


def test_contrast_of_known_pairs() -> None:
    assert ratio(BLACK, WHITE) == pytest.approx(21)
    assert ratio((255, 255, 255, 1.0), WHITE) == pytest.approx(1)
    # The greys either side of 4.5 on white; 119 / 255 linear is ((0.46667 + 0.055) / 1.055) ** 2.4 = 0.18447,
    # and 1.05 / 0.23447 = 4.478.
    assert ratio((119, 119, 119, 1.0), WHITE) == pytest.approx(4.478, abs=1e-3)
    assert ratio((118, 118, 118, 1.0), WHITE) > 4.5
    # Pure red has the luminance 0.2126.
    assert ratio((255, 0, 0, 1.0), WHITE) == pytest.approx(1.05 / 0.2626)


def test_see_through_text_is_as_faint_as_it_looks() -> None:
    assert ratio((0, 0, 0, 0.5), WHITE) == pytest.approx(ratio((127.5, 127.5, 127.5, 1.0), WHITE))
    assert ratio((0, 0, 0, 0.0), WHITE) == pytest.approx(1)


@pytest.mark.parametrize(("size", "weight", "least"), [(8, 400, 4.5), (20, 400, 4.5), (20, 700, 3.0), (24, 400, 3.0)])
def test_large_text_may_be_fainter(size: float, weight: int, least: float) -> None:
    assert needed(size, weight) == least


def test_faint_text_is_named_everywhere_and_small_text_on_phones() -> None:
    texts = [
        {"element": "fine", "colour": BLACK, "background": WHITE, "size": 8.0, "weight": 400},
        {"element": "faint", "colour": (119, 119, 119, 1.0), "background": WHITE, "size": 9.0, "weight": 400},
        {"element": "small", "colour": BLACK, "background": WHITE, "size": 7.9, "weight": 400},
    ]
    assert [fault[:2] for fault in text_faults(texts, phone=False)] == [("figure-contrast", "faint")]
    assert [fault[:2] for fault in text_faults(texts, phone=True)] == [
        ("figure-contrast", "faint"),
        ("figure-text-size", "small"),
    ]


def test_only_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/a b.png").write_bytes(b"")
    (tmp_path / "other.html").write_text('<h2 id="there">x</h2>')
    good = [
        "#top",
        "other.html",
        "other.html#there",
        "figures/a%20b.png",
        "https://example.org/x",
        "data:,",
        "mailto:a@example.org",
    ]
    bad = {
        "#bottom": "no element with the id bottom",
        "other.html#here": "other.html has no element with the id here",
        "gone.html": "there is no file",
        "figures": "there is no file",  # a folder: a web server shows nothing there
        "/other.html": "one machine only",
        "file:///other.html": "one machine only",
        "//example.org/x": "one machine only",
    }
    links = "".join(f'<a href="{address}">x</a>' for address in [*good, *bad])
    page = tmp_path / "report.html"
    page.write_text(f'<h1 id="top">x</h1>{links}<img src="figures/none.png"><svg><use xlink:href="#mark"/></svg>')
    found = broken_links(page, "a page")
    assert {one.rule for one in found} == {"link"} and {one.page for one in found} == {"a page"}
    expected = {
        **{f'<a "{address}">': message for address, message in bad.items()},
        '<img "figures/none.png">': "there is no file",
        '<use "#mark">': "no element with the id mark",
    }
    assert [one.element for one in found] == list(expected)
    for one in found:
        assert expected[one.element] in one.message


def test_ids_given_twice_are_found(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text('<p id="a"></p><p id="b"></p><p id="a"></p>')
    assert [(one.rule, one.element) for one in broken_links(page, "p")] == [("id", "#a")]


def test_findings_are_joined_over_views_and_counted_beyond_the_most() -> None:
    found = [Finding("page", "rule", f"element {i}", "why", view) for i in range(3) for view in ("phone", "desktop")]
    assert lines(found, most=2) == [
        "page: rule: element 0: why (desktop, phone)",
        "page: rule: element 1: why (desktop, phone)",
        "page: rule: and 1 elements more",
    ]
    assert lines([Finding("page", "link", "x", "gone")]) == ["page: link: x: gone"]


def test_report_and_index_pages_are_found_at_any_depth(tmp_path: Path) -> None:
    for name in ("index.html", "a/report.html", "official/b/report.html", "a/report.md", "a/other.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    names = [str(path.relative_to(tmp_path)) for path in find_pages([tmp_path, tmp_path / "a"])]
    assert names == ["a/report.html", "index.html", "official/b/report.html"]


def test_without_pages_or_browser_one_line_says_what_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: no report page below {tmp_path}; write reports first: make report\n"
    (tmp_path / "report.html").write_text("x")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CHROMIUM", "")
    assert main([str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "no Chromium or Chrome on the PATH" in error and "CHROMIUM=" in error and error.count("\n") == 1


def test_a_browser_that_is_named_is_taken_or_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("chromium", "mine"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for named, found in (("", "chromium"), (str(tmp_path / "mine"), "mine"), ("gone", None)):
        monkeypatch.setenv("CHROMIUM", named)
        assert find_browser() == (found and str(tmp_path / found)), named
