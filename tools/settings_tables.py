"""Writer of the tables of settings in docs/leo.md, made from the definitions of the settings."""

from pathlib import Path

from leo_bench.config.explain import settings_tables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "leo.md"
BEGIN, END = "<!-- begin settings -->", "<!-- end settings -->"


def main() -> None:
    """Replace the tables between the marks in docs/leo.md."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{settings_tables()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
