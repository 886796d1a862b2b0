#!/bin/sh
# Checks the dashboard over results/ in Chromium, in an environment of its own (venv_pages.sh). Called by make check-dashboard;
# CHROMIUM=... names the browser, an argument the picture to write.
set -eu
cd "$(dirname "$0")/.."
sh tools/venv_pages.sh
exec .venv-pages/bin/python -m tools.dashboard_check "$@"
