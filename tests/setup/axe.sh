#!/usr/bin/env bash
# axe-core, the accessibility checker that tests run in Chromium, into build/deps/axe. The npm
# package is refused unless it is the pinned one; one file of it and its licence are kept.
# shellcheck source=tests/setup/lib.sh
. "$(dirname "$0")/lib.sh"

PACKAGE=axe-core
VERSION=4.14.1
TARBALL=$PACKAGE-$VERSION.tgz
INTEGRITY=sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
TARGET=$DEPS/axe
STAMP="$VERSION $INTEGRITY"

integrity_of() {
    printf 'sha512-%s' "$(openssl dgst -sha512 -binary "$1" | openssl base64 -A)"
}

obtain_tarball() {
    local file=$DEPS/$TARBALL found
    if [ ! -f "$file" ]; then
        "$ROOT/tests/setup/packages.sh" npm
        need_command npm "apt-get install -y npm"
        say "fetching npm package $PACKAGE@$VERSION"
        (cd "$DEPS" && npm pack "$PACKAGE@$VERSION" --ignore-scripts --silent >/dev/null) ||
            fail "$EX_UNAVAILABLE" "npm pack $PACKAGE@$VERSION failed." \
                "Remedy: check that npm reaches its registry (npm ping), then run make again."
    fi
    found=$(integrity_of "$file")
    [ "$found" = "$INTEGRITY" ] || fail "$EX_CONFIG" \
        "$file is not the package this project was pinned to; refusing to unpack it." \
        "  expected $INTEGRITY" "  found    $found" \
        "Remedy: delete the file and run make again."
}

stamped "$TARGET/stamp" "$STAMP" && exit 0
locked axe
stamped "$TARGET/stamp" "$STAMP" && exit 0
obtain_tarball
rm -rf "$TARGET"
mkdir -p "$TARGET"
tar -xzf "$DEPS/$TARBALL" -C "$TARGET" --strip-components=1 package/axe.min.js package/LICENSE
printf '%s\n' "$STAMP" >"$TARGET/stamp"
say "axe-core $VERSION is ready in ${TARGET#"$ROOT"/}"
