#!/bin/sh
# Checks the dashboard of results/ in Chromium, in its own environment (venv_pages.sh). Called by make check-dashboard.
# CHROMIUM=... names the browser. The argument, if any, is the file for a screenshot.
set -eu
cd "$(dirname "$0")/.."
sh tools/venv_pages.sh
exec .venv-pages/bin/python -m tools.dashboard_check "$@"
