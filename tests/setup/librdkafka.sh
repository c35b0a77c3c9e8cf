#!/usr/bin/env bash
# Builds the pinned librdkafka as a static library into build/deps/librdkafka. Its source comes
# with an npm package whose integrity hash is checked before anything of it is unpacked or run.
# Debian's own librdkafka (2.0.2) skips offsets after a rebalance, so it is never used.
# shellcheck source=tests/setup/lib.sh
. "$(dirname "$0")/lib.sh"

VERSION=2.15.1
PACKAGE=@confluentinc/kafka-javascript
PACKAGE_VERSION=1.10.1
TARBALL=confluentinc-kafka-javascript-$PACKAGE_VERSION.tgz
INTEGRITY=sha512-KVePUBn21EqCVP9mfxzEuM3SYJHHEF7X+iiC2e43QQgDSyEaksInmCGooT3w5q+cNAdkSCrK71j0ICfqoSqZLw==
# A change of the configuration rebuilds: it is part of the stamp.
CONFIGURE=(--disable-gssapi --enable-ssl --enable-zlib --enable-zstd
    --enable-curl --disable-valgrind --disable-refcnt-debug)
TARGET=$DEPS/librdkafka
STAMP="$VERSION $INTEGRITY ${CONFIGURE[*]}"

integrity_of() {
    printf 'sha512-%s' "$(openssl dgst -sha512 -binary "$1" | openssl base64 -A)"
}

obtain_tarball() {
    local file=$DEPS/$TARBALL
    if [ ! -f "$file" ]; then
        "$ROOT/tests/setup/packages.sh" npm
        need_command npm "apt-get install -y npm"
        say "fetching npm package $PACKAGE@$PACKAGE_VERSION (2.7 MB)"
        (cd "$DEPS" && npm pack "$PACKAGE@$PACKAGE_VERSION" --ignore-scripts --silent >/dev/null) ||
            fail "$EX_UNAVAILABLE" "npm pack $PACKAGE@$PACKAGE_VERSION failed." \
                "Remedy: check that npm reaches its registry (npm ping), then run make again."
    fi
    local found
    found=$(integrity_of "$file")
    [ "$found" = "$INTEGRITY" ] || fail "$EX_CONFIG" \
        "$file is not the package this project was pinned to; refusing to unpack it." \
        "  expected $INTEGRITY" "  found    $found" \
        "Remedy: delete the file and run make again. If it differs again, the registry or the" \
        "way to it serves something else: do not build from it."
}

build_library() {
    local work=$DEPS/librdkafka-build log=$DEPS/librdkafka-build.log
    rm -rf "$work" "$TARGET"
    mkdir -p "$work"
    tar -xzf "$DEPS/$TARBALL" -C "$work" --strip-components=3 package/deps/librdkafka
    say "building librdkafka $VERSION (about a minute; log: ${log#"$ROOT"/})"
    (
        cd "$work" &&
        ./configure --prefix="$TARGET" --no-download "${CONFIGURE[@]}" &&
        env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C src -j2 lib
    ) >"$log" 2>&1 9>&- ||
        fail 70 "building librdkafka failed; the end of $log:" "$(tail -n 20 "$log")"
    mkdir -p "$TARGET/include/librdkafka" "$TARGET/lib"
    cp "$work"/src/rdkafka.h "$work"/src/rdkafka_mock.h "$TARGET/include/librdkafka/"
    cp "$work"/src/librdkafka.a "$TARGET/lib/"
    cp "$work"/LICENSE* "$TARGET/"
    # What a static link needs besides the library itself, as its own configure found it.
    # librdkafka itself is static; what it uses stays shared, so that the machine's security
    # updates of OpenSSL, curl and the like reach it.
    sed -n 's/^LIBS+*=[[:space:]]*//p' "$work/Makefile.config" | tr '\n' ' ' |
        sed 's/-Wl,-B\(static\|dynamic\)//g' >"$TARGET/libs"
    rm -rf "$work"
}

stamped "$TARGET/stamp" "$STAMP" && exit 0
locked librdkafka
stamped "$TARGET/stamp" "$STAMP" && exit 0
obtain_tarball
build_library
printf '%s\n' "$STAMP" >"$TARGET/stamp"
say "librdkafka $VERSION is ready in ${TARGET#"$ROOT"/}"
