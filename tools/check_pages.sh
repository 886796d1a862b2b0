#!/bin/sh
# Checks the report pages in Chromium, in an environment of its own (.venv-pages, 200 MB: playwright and axe-core). Called by make
# check-pages; CHROMIUM=... names the browser, arguments name folders (default: reports).
set -eu
cd "$(dirname "$0")/.."

venv=.venv-pages
lock=tools/page_check/requirements.lock
stamp=$venv/.complete
wanted="$(pwd) $(cksum < $lock)"

if [ "$(cat $stamp 2>/dev/null)" != "$wanted" ]; then
    echo "Setting up $venv: 200 MB, once."
    rm -rf $venv
    .venv/bin/python -m venv $venv
    $venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $lock || {
        echo "error: installing from $lock failed (its message is above); run the same command again" >&2
        exit 2
    }
    echo "$wanted" > $stamp
fi
exec $venv/bin/python -m tools.page_check "$@"
