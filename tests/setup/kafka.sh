#!/usr/bin/env bash
# The real broker of the tests: Apache Kafka's jars with their dependencies, into build/deps/kafka.
# tests/setup/kafka.sha256 pins every jar by its content; anything else is refused.
# shellcheck source=tests/setup/lib.sh
. "$(dirname "$0")/lib.sh"

VERSION=4.2.0
SCALA=2.13
KAFKA=$DEPS/kafka
SUMS=$ROOT/tests/setup/kafka.sha256
STAMP="kafka_$SCALA $VERSION $(cksum <"$SUMS")"

write_pom() {
    cat <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>parstock</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_$SCALA</artifactId>
      <version>$VERSION</version>
    </dependency>
  </dependencies>
</project>
POM
}

fetch_jars() {
    write_pom >"$KAFKA/pom.xml"
    mvn -q -B -f "$KAFKA/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$KAFKA/libs" >"$KAFKA/mvn.log" 2>&1 </dev/null 9>&- ||
        fail "$EX_UNAVAILABLE" "Maven could not fetch org.apache.kafka:kafka_$SCALA:$VERSION:" \
            "$(tail -n 5 "$KAFKA/mvn.log")" \
            "Remedy: check that mvn reaches its repository, then run make again."
}

check_jars() {
    local bad found
    bad=$(cd "$KAFKA/libs" && sha256sum --check --quiet "$SUMS" 2>&1) || fail "$EX_CONFIG" "the broker's jars are not the pinned ones:" "$bad" \
        "Remedy: rm -r build/deps/kafka and the same files in Maven's local repository, then again."
    [ "$(find "$KAFKA/libs" -name '*.jar' | wc -l)" -eq "$(wc -l <"$SUMS")" ] ||
        fail "$EX_CONFIG" "the broker came with jars that tests/setup/kafka.sha256 does not list"
    found=$(java -cp "$KAFKA/libs/*" kafka.Kafka --version 2>/dev/null | cut -d ' ' -f 1)
    [ "$found" = "$VERSION" ] || fail "$EX_CONFIG" "the broker says it is version '$found', not $VERSION"
}

stamped "$KAFKA/stamp" "$STAMP" && exit 0
locked kafka
stamped "$KAFKA/stamp" "$STAMP" && exit 0
need_command mvn "apt-get install -y maven"
need_command java "apt-get install -y openjdk-17-jre-headless"

say "fetching Apache Kafka $VERSION with its dependencies (45 jars, 43 MB)"
rm -rf "$KAFKA"
mkdir -p "$KAFKA"
fetch_jars
check_jars
printf '%s\n' "$STAMP" >"$KAFKA/stamp"
