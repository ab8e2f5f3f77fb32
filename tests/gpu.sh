#!/bin/sh
# Checks what only a real graphics card can show: every test that is marked `gpu`, and one table of figures.
# It installs nothing: the Python environment that is active serves, else .venv, with '.[test]' and a torch for
# the card. It ends within eight minutes. Exit code: 0 all is right, 1 something failed, 2 nothing could be
# checked, 124 time ran out.
cd "$(dirname "$0")/.." || exit 2

if [ -n "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ]; then python=python
elif [ -x .venv/bin/python ]; then python=.venv/bin/python
elif [ -x .venv/Scripts/python.exe ]; then python=.venv/Scripts/python.exe
else
    echo "gpu.sh: there is no Python environment: run 'make test', or activate yours." >&2
    exit 2
fi

card='import sys, torch; sys.exit(not torch.cuda.is_available())'
if ! "$python" -c "$card" 2>/dev/null; then
    echo "gpu.sh: torch finds no graphics card here: '$python -m bot doctor' says why." >&2
    exit 2
fi
"$python" -m bot doctor

limit=
if timeout --version >/dev/null 2>&1; then limit='timeout --signal=INT --kill-after=15 440'; fi
# An interrupted pytest still prints its tables. Warnings that a CPU never shows are no failures.
$limit "$python" -m pytest -m gpu -q -W default -p no:cacheprovider -p no:xdist tests
code=$?
case $code in
    0 | 124) ;;
    137) code=124 ;;
    *) code=1 ;;
esac
[ $code = 124 ] && echo "gpu.sh: not all checks ended within eight minutes." >&2
exit $code
