#!/usr/bin/env bash
# Installs the Debian packages of the groups named: build lint postgres python npm broker alerts browser image producers.
# A package counts as present when its probe is: a command on the PATH, a file (with a slash),
# or, for a library, what dpkg says. So a tool installed by other means is left alone.
# shellcheck source=tests/setup/lib.sh
. "$(dirname "$0")/lib.sh"

PG_BIN=/usr/lib/postgresql/15/bin

# package=probe; no probe: ask dpkg.
declare -A GROUPS_OF=(
    [build]="build-essential=gcc pkg-config=pkg-config libcurl4-openssl-dev libjansson-dev
             libpq-dev libssl-dev zlib1g-dev libzstd-dev libutf8proc-dev libmicrohttpd-dev
             libcmocka-dev"
    [npm]="npm=npm"
    [lint]="clang-format-14=clang-format-14 clang-14=clang-14 libclang-rt-14-dev
            pmccabe=pmccabe cppcheck=cppcheck shellcheck=shellcheck python3=python3 git=git"
    [postgres]="postgresql-15=$PG_BIN/postgres"
    [python]="python3=python3 python3-venv"
    [broker]="openjdk-17-jre-headless=java maven=mvn"
    [alerts]="prometheus-alertmanager=prometheus-alertmanager prometheus=promtool"
    [image]="binutils=strip ca-certificates python3=python3"
    [browser]="chromium=chromium fonts-dejavu-core"
    [producers]="kcat=kcat openjdk-17-jdk-headless=javac"
)

usage() {
    fail 64 "usage: packages.sh GROUP..., groups: ${!GROUPS_OF[*]}"
}

probe_present() {
    case $1 in
    */*) [ -x "$1" ] ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# The wanted packages whose probe fails, then those dpkg does not know as installed.
missing_packages() {
    local group entry asked=() absent=()
    for group in "$@"; do
        for entry in ${GROUPS_OF[$group]}; do
            case $entry in
            *=*) probe_present "${entry#*=}" || absent+=("${entry%%=*}") ;;
            *) asked+=("$entry") ;;
            esac
        done
    done
    if [ ${#asked[@]} -gt 0 ]; then
        local installed
        installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${asked[@]}" \
            2>/dev/null | sed -n 's/ installed$//p' || true)
        for entry in "${asked[@]}"; do
            grep -qxF "$entry" <<<"$installed" || absent+=("$entry")
        done
    fi
    printf '%s\n' "${absent[@]}" | sort -u | sed '/^$/d'
}

# Debian starts a cluster with the server's package. We need its binaries only, so a machine on
# which WE install it is told not to; a configuration that is already there is left as it is.
forbid_default_cluster() {
    local file=/etc/postgresql-common/createcluster.conf
    [ -e "$file" ] && return 0
    mkdir -p "${file%/*}"
    printf 'create_main_cluster = false\n' >"$file"
    say "wrote $file, so that no default PostgreSQL cluster is created"
}

# Prometheus and Alertmanager come with services. We need their programs only: Debian's own way to say no,
# for as long as we install; a policy that is already there is left as it is.
forbid_services() {
    local file=/usr/sbin/policy-rc.d
    [ -e "$file" ] && return 0
    printf '#!/bin/sh\nexit 101\n' >"$file"
    chmod 755 "$file"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    say "installing Debian packages: $*"
    case " $* " in *" postgresql-15 "*) forbid_default_cluster ;; esac
    case " $* " in *" prometheus"*) forbid_services ;; esac
    apt-get -qq update >&2 || fail "$EX_UNAVAILABLE" "apt-get update failed: see above"
    apt-get -qq install -y --no-install-recommends -o Dpkg::Options::=--force-confold \
        "$@" >&2 </dev/null ||
        fail "$EX_UNAVAILABLE" "apt-get could not install: $*" \
            "This project is built and tested on Debian 12 (bookworm)."
}

[ $# -gt 0 ] || usage
for group in "$@"; do
    [ -n "${GROUPS_OF[$group]:-}" ] || usage
done
command -v dpkg-query >/dev/null 2>&1 ||
    fail "$EX_UNAVAILABLE" "this set-up knows Debian 12 only; install by hand what it lists:" \
        "$(for group in "$@"; do printf '%s ' "${GROUPS_OF[$group]:-}"; done)"
found=$(missing_packages "$@")
[ -n "$found" ] || exit 0
mapfile -t missing <<<"$found"
if [ "$(id -u)" -ne 0 ]; then
    fail "$EX_UNAVAILABLE" "missing Debian packages: ${missing[*]}" \
        "Run as root: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
fi
install_packages "${missing[@]}"
