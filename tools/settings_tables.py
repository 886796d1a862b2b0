"""Writes the tables of settings into docs/leo.md, between their marks, from the settings' own definitions."""

from pathlib import Path

from leo_bench.config.explain import settings_tables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "leo.md"
BEGIN, END = "<!-- begin settings -->", "<!-- end settings -->"


def main() -> None:
    """Bring docs/leo.md up to date."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{settings_tables()}\n\n{END}{after}")


if __name__ == "__main__":
    main()
