#!/usr/bin/env bash
# The opponents of `make bench`, into build/deps/opponents: a Go worker, a worker on Parallel
# Consumer, and Debezium's sink with a Connect runtime. Only `make bench-opponents` calls this.
# tests/setup/opponents.sha256 pins every jar by its content, go.sum every Go module.
# shellcheck source=tests/setup/lib.sh
. "$(dirname "$0")/lib.sh"

SOURCES=$ROOT/tests/bench/opponents
TARGET=$DEPS/opponents
SUMS=$ROOT/tests/setup/opponents.sha256
DEBEZIUM=io.debezium:debezium-connector-jdbc:3.6.0.Final:tar.gz:plugin
PLUGIN=plugin/debezium-connector-jdbc-3.6.0.Final-plugin.tar.gz

find_go() {
    command -v go || { [ -x /usr/local/go/bin/go ] && echo /usr/local/go/bin/go; } ||
        fail "$EX_UNAVAILABLE" "go is missing: the Go opponent needs Go 1.26 or newer." \
            "Remedy: install it so that \`go version\` answers, then run make again."
}

build_franz_go() {
    local go
    go=$(find_go)
    say "testing and building the franz-go opponent"
    (cd "$SOURCES/franz_go" && export GOFLAGS=-mod=readonly && "$go" test . &&
        "$go" build -o "$TARGET/franz_go" .) \
        >"$TARGET/go.log" 2>&1 9>&- ||
        fail "$EX_UNAVAILABLE" "the Go opponent could not be built:" "$(tail -n 5 "$TARGET/go.log")"
}

maven() {
    mvn -q -B "$@" >"$TARGET/mvn.log" 2>&1 </dev/null 9>&- ||
        fail "$EX_UNAVAILABLE" "Maven could not fetch the opponents' jars:" \
            "$(tail -n 5 "$TARGET/mvn.log")" \
            "Remedy: check that mvn reaches its repository, then run make again."
}

# jars NAME: what tests/bench/opponents/NAME/pom.xml names, with its dependencies.
jars() {
    say "fetching the jars of $1"
    maven -f "$SOURCES/$1/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
        "-DoutputDirectory=$TARGET/$1"
}

check_jars() {
    local bad
    bad=$(cd "$TARGET" && sha256sum --check --quiet "$SUMS" 2>&1) || fail "$EX_CONFIG" \
        "the opponents' jars are not the pinned ones:" "$bad" \
        "Remedy: rm -r build/deps/opponents and the same files in Maven's local repository, then again."
    [ "$(find "$TARGET" -name '*.jar' -o -name '*.tar.gz' | wc -l)" -eq "$(wc -l <"$SUMS")" ] ||
        fail "$EX_CONFIG" "the opponents came with jars that tests/setup/opponents.sha256 does not list"
}

build_all() {
    rm -rf "$TARGET"
    mkdir -p "$TARGET/classes" "$TARGET/plugins"
    build_franz_go
    jars parallel_consumer
    jars debezium
    maven dependency:copy "-Dartifact=$DEBEZIUM" "-DoutputDirectory=$TARGET/plugin"
    check_jars
    javac -nowarn -cp "$TARGET/parallel_consumer/*" -d "$TARGET/classes" \
        "$SOURCES/parallel_consumer/StockWorker.java"
    tar -xzf "$TARGET/$PLUGIN" -C "$TARGET/plugins"
}

sources_sum() {
    (cd "$SOURCES" && cat -- franz_go/* parallel_consumer/* debezium/pom.xml "$SUMS" "$ROOT/tests/setup/opponents.sh" | cksum)
}

[ -f "$SUMS" ] || fail "$EX_CONFIG" "$SUMS is missing"
STAMP=$(sources_sum)
locked opponents
stamped "$TARGET/stamp" "$STAMP" && exit 0
need_command mvn "apt-get install -y maven"
need_command javac "apt-get install -y openjdk-17-jdk-headless"
build_all
printf '%s\n' "$STAMP" >"$TARGET/stamp"
say "the opponents are ready in ${TARGET#"$ROOT"/}"
