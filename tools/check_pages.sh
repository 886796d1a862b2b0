#!/bin/sh
# Checks the report pages in Chromium, in its own environment (venv_pages.sh). Called by make check-pages.
# CHROMIUM=... names the browser. The arguments are folders (default: reports).
set -eu
cd "$(dirname "$0")/.."
sh tools/venv_pages.sh
exec .venv-pages/bin/python -m tools.page_check "$@"
