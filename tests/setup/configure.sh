#!/usr/bin/env bash
# Writes, to stdout, what the Makefile must know of this machine: the flags of the libraries and
# which hardening flags the compiler has. Refuses a librdkafka that is too old. CC in the environment.
# shellcheck source=tests/setup/lib.sh
. "$(dirname "$0")/lib.sh"

CC=${CC:-gcc}
LIBRARIES=(libcurl jansson libpq libcrypto libssl zlib libutf8proc libmicrohttpd)

# Flags of the hardening guide that only newer or other compilers know.
PROBED=(-fstrict-flex-arrays=3 -fzero-init-padding-bits=all -fcf-protection=full
    -mbranch-protection=standard -ftrivial-auto-var-init=zero -fstack-clash-protection
    -Wtrampolines -Wbidi-chars=any -Wduplicated-cond -Wlogical-op)

compiles() {
    "$CC" -std=c17 -D_GNU_SOURCE -Werror "$@" -x c -c -o /dev/null - 2>"$ROOT/build/configure.log"
}

known_flags() {
    local flag
    for flag in "${PROBED[@]}"; do
        if compiles "$flag" <<<'int probe;'; then printf '%s ' "$flag"; fi
    done
}

# The header answers for the library: an older one must not be compiled against, even by hand.
check_librdkafka() {
    compiles -isystem "$DEPS/librdkafka/include" <<'PROBE' || fail "$EX_CONFIG" \
        "$(grep -m1 -o 'librdkafka.*' "$ROOT/build/configure.log" || echo 'librdkafka is missing')" \
        "Remedy: rm -r build/deps/librdkafka && make deps"
#include <librdkafka/rdkafka.h>
#if RD_KAFKA_VERSION < 0x020f0100
#error "librdkafka is older than 2.15.1: it loses offsets after a rebalance and must not be used"
#endif
PROBE
}

mkdir -p "$ROOT/build"
need_command "$CC" "apt-get install -y build-essential"
check_librdkafka
printf '# Written by tests/setup/configure.sh\n'
printf 'PROBED_FLAGS := %s\n' "$(known_flags)"
printf 'PACKAGE_CFLAGS := %s\n' "$(pkg-config --cflags "${LIBRARIES[@]}")"
printf 'PACKAGE_LIBS := %s\n' "$(pkg-config --libs "${LIBRARIES[@]}")"
printf 'RDKAFKA_LIBS := build/deps/librdkafka/lib/librdkafka.a %s\n' "$(<"$DEPS/librdkafka/libs")"
printf 'CMOCKA_LIBS := %s\n' "$(pkg-config --libs cmocka)"
