#!/bin/sh
# Makes .venv-pages, the environment of the checks in a browser (200 MB: playwright and axe-core), unless it is complete.
# Called by check_pages.sh and check_dashboard.sh.
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
        echo "error: installing from $lock failed (the message of pip is above); run the same command again" >&2
        exit 2
    }
    echo "$wanted" > $stamp
fi
