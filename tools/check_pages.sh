#!/bin/sh
# Checks the report pages in Chromium, in an environment of its own (venv_pages.sh). Called by make check-pages; CHROMIUM=... names
# the browser, arguments name folders (default: reports).
set -eu
cd "$(dirname "$0")/.."
sh tools/venv_pages.sh
exec .venv-pages/bin/python -m tools.page_check "$@"
