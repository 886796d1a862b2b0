"""Checks of the report pages outside `make test`: in Chromium, with axe-core (`make check-pages`, docs/pages.md)."""
