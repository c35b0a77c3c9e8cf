#!/usr/bin/env bash
# The Python of tests and demo: a virtual environment in build/deps/venv with exactly what
# tests/requirements.txt pins. A change of that file, or of Python itself, makes it anew.
# shellcheck source=tests/setup/lib.sh
. "$(dirname "$0")/lib.sh"

REQUIREMENTS=$ROOT/tests/requirements.txt
VENV=$DEPS/venv

need_command python3 "apt-get install -y python3 python3-venv"
wanted=$(python3 --version)$(cksum <"$REQUIREMENTS")

# The interpreter is a link to the machine's, which another user of the tree may not reach.
ready() {
    stamped "$VENV/stamp" "$wanted" && [ -x "$VENV/bin/python" ]
}

ready && exit 0
locked venv
ready && exit 0
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$EX_UNAVAILABLE" "$(python3 --version) is too old: the tests need Python 3.11 or newer"

say "installing Python packages into ${VENV#"$ROOT"/}: $(sed -n '/^# direct/,/^$/{/^[a-z]/p}' "$REQUIREMENTS" | paste -sd ' ')"
rm -rf "$VENV"
python3 -m venv "$VENV" || fail "$EX_UNAVAILABLE" "python3 -m venv failed." \
    "Run as root: apt-get install -y python3-venv"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --only-binary :all: --requirement "$REQUIREMENTS" >&2 ||
    fail "$EX_UNAVAILABLE" "pip could not install what tests/requirements.txt pins." \
        "Remedy: check that pip reaches its index (pip download psycopg), then run make again."
printf '%s\n' "$wanted" >"$VENV/stamp"
