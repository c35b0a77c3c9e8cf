# shellcheck shell=bash
# Shared by the set-up scripts: where things go, how they speak, how a stamp is judged.
# Sourced, never run. Every script prints what it installs; a stamp makes the next run silent.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # these are read by the scripts that source this file
DEPS=$ROOT/build/deps EX_UNAVAILABLE=69 EX_CONFIG=78

say() {
    printf 'setup: %s\n' "$*" >&2
}

# fail CODE LINE...: the last words of a set-up step, the remedy among them.
fail() {
    local code=$1
    shift
    printf 'setup: %s\n' "$@" >&2
    exit "$code"
}

# stamped FILE TEXT: true when FILE holds exactly TEXT.
stamped() {
    [ -f "$1" ] && [ "$(<"$1")" = "$2" ]
}

# locked NAME: one set-up of a kind at a time; two `make`s at once must not share a directory.
locked() {
    mkdir -p "$DEPS"
    exec 9>"$DEPS/.$1.lock"
    flock 9
}

need_command() {
    command -v "$1" >/dev/null 2>&1 || fail "$EX_UNAVAILABLE" "$1 is missing. Run: $2"
}
