#!/bin/sh
# Makes .venv from requirements.lock, unless it is complete. Called by make. PYTHON=... names the interpreter. RAY=...
# adds the extra `ray` from requirements-ray.lock.
set -eu
cd "$(dirname "$0")/.."

venv=.venv
stamp=$venv/.complete
gigabytes=3
[ "$(uname -s)" != Linux ] || gigabytes=11  # measured: peak 8.4 while installing, 6.0 afterwards; the cache of pip can take 2.4 more

fail() {
    echo "error: $*" >&2
    exit 2
}

fits() {  # true if $1 is a Python that the lock file supports
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

# Place and contents that the environment was made from: a changed lock file or a moved checkout needs a new one.
wanted="$(pwd) $(cksum < requirements.lock) $(cksum < pyproject.toml)"
ray_stamp=$venv/.ray
has_ray() {  # true if no Ray is asked for, or if it is there
    [ -z "${RAY:-}" ] || [ "$(cat $ray_stamp 2>/dev/null)" = "$(cksum < requirements-ray.lock)" ]
}
is_complete() {
    [ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && fits $venv/bin/python && has_ray
}
is_complete && exit 0

if command -v flock >/dev/null 2>&1; then  # with two makes at once, the second waits until the first is done
    exec 9>.venv.lock
    flock 9
    is_complete && exit 0
fi

if [ -n "${PYTHON:-}" ]; then
    fits "$PYTHON" || fail "PYTHON=$PYTHON is not a Python of version 3.11, 3.12 or 3.13; name one that is, for example: make PYTHON=python3.12"
    python=$PYTHON
else
    python=
    for candidate in python3.13 python3.12 python3.11 python3; do
        if fits "$candidate"; then
            python=$candidate
            break
        fi
    done
    [ -n "$python" ] || fail "no Python of version 3.11, 3.12 or 3.13 is on the PATH; install one, or name it: make PYTHON=/path/to/python3.12"
fi
"$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
    fail "$python lacks its venv module (venv and ensurepip); install it (Debian, Ubuntu: apt install python3-venv), or name another: make PYTHON=..."

kept=no  # a complete environment is updated; an interrupted one is made again
if [ -f $stamp ] && [ "$(cut -d' ' -f1 $stamp)" = "$(pwd)" ] && fits $venv/bin/python; then
    kept=yes
else
    rm -rf $venv
    free=$(($(df -Pk . | awk 'NR == 2 { print $4 }') / 1048576))
    [ "$free" -ge "$gigabytes" ] ||
        fail "$free GB are free here and setting up takes up to $gigabytes GB (torch and its libraries); free some, or move the checkout to a larger disk"
    echo "Setting up $venv with $("$python" -V): takes some minutes; on Linux about 6 GB (the CUDA build of torch). Done once."
    "$python" -m venv $venv || fail "$python could not make $venv; install its venv module (Debian, Ubuntu: apt install python3-venv)"
fi
rm -f $stamp

# Unpack inside the environment, because /tmp is often too small.
TMPDIR="$(pwd)/$venv/tmp"
export TMPDIR PIP_DISABLE_PIP_VERSION_CHECK=1
mkdir -p "$TMPDIR"
[ $kept = no ] || echo "Bringing $venv up to date with requirements.lock${RAY:+ and requirements-ray.lock (Ray: 0.6 GB)}."
quiet=--quiet
[ ! -t 1 ] || quiet=  # at a terminal pip shows its progress
# Python compiles what it imports. To compile all of it here would take a minute more.
$venv/bin/python -m pip install $quiet --no-compile --require-hashes -r requirements.lock ${RAY:+-r requirements-ray.lock} ||
    fail "installing from requirements.lock failed (its message is above); run the same command again to go on"
$venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e . ||
    fail "installing leo_bench into $venv failed (its message is above)"
rm -rf "$TMPDIR"
[ -z "${RAY:-}" ] || cksum < requirements-ray.lock > $ray_stamp
echo "$wanted" > $stamp
