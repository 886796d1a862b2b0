"""The README's numbers are the published report's."""

import re
from pathlib import Path

import pytest

from leo_bench.report.readme import block, figure_block, refresh_readme

ROOT = Path(__file__).parents[1]
REPORT = (
    "# t\n\nQuestion?\n\nThe answer.\n\n## Main table\n\n| a |\n\n![x](figures/effects.png)\n\n"
    "### Not set against the baseline\n\n| b |\n\n## relation\n\nmore\n"
)


def test_the_block_holds_answer_and_first_section_with_links_that_work_from_the_readme(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "official" / "s-cpu"
    folder.mkdir(parents=True)
    (folder / "report.md").write_text(REPORT)
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- begin s-cpu -->\nold\n<!-- end s-cpu -->\nafter\n")
    assert refresh_readme(readme, folder)
    text = readme.read_text()
    assert text.startswith("before\n<!-- begin s-cpu -->\nThe answer.\n\n| a |\n")
    assert "![x](reports/official/s-cpu/figures/effects.png)" in text
    assert text.endswith("<!-- end s-cpu -->\nafter\n")
    assert "old" not in text
    assert "Question" not in text
    assert "more" not in text and "| b |" not in text


def test_a_block_may_hold_one_figure_with_its_caption(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "official" / "s-cpu"
    folder.mkdir(parents=True)
    (folder / "report.md").write_text(REPORT + "\n![y (z), 3%](figures/switch-step.png)\n\nIts caption.\n\n| c |\n")
    readme = tmp_path / "README.md"
    readme.write_text(
        "<!-- begin s-cpu:switch-step -->\nold\n<!-- end s-cpu:switch-step -->\n"
        "<!-- begin s-cpu:gone -->\nkept\n<!-- end s-cpu:gone -->\n<!-- begin s-cpu -->\nold\n<!-- end s-cpu -->\n"
        "<!-- begin s-cpu-2:switch-step -->\nof another\n<!-- end s-cpu-2:switch-step -->\n"
    )
    assert refresh_readme(readme, folder)
    text = readme.read_text()
    picture = "![y (z), 3%](reports/official/s-cpu/figures/switch-step.png)"
    assert text.startswith(f"<!-- begin s-cpu:switch-step -->\n{picture}\n\nIts caption.\n\n[The whole report](")
    assert "| c |" not in text
    assert "old" not in text
    assert "kept" in text and "of another" in text
    assert "The answer." in text


def test_a_readme_without_marks_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("mine")
    assert not refresh_readme(readme, tmp_path / "s-cpu")
    assert readme.read_text() == "mine"


@pytest.mark.parametrize("folder", sorted((ROOT / "reports" / "official").glob("*-*")), ids=lambda path: path.name)
def test_our_readme_shows_what_is_published(folder: Path) -> None:
    text = (ROOT / "README.md").read_text()
    if f"<!-- begin {folder.name} -->" in text:
        assert block(folder, f"reports/official/{folder.name}") in text
    for name in re.findall(rf"<!-- begin {folder.name}:([\w-]+) -->", text):
        shown = figure_block(folder, f"reports/official/{folder.name}", name)
        assert shown
        assert shown in text
