#!/usr/bin/env bash
# What `make chart-gates` judges the chart with, into build/deps/chart_tools: Helm 3 and 4, kubeconform and
# kube-score, built by Go from their own modules, and the schemas of Kubernetes, KEDA and the Prometheus
# operator out of theirs. Only `make chart-gates` calls this; Go's own settings say where modules come from.
# shellcheck source=tests/setup/lib.sh
. "$(dirname "$0")/lib.sh"

TARGET=$DEPS/chart_tools
HELM3=3.22.0 HELM4=4.3.1 KUBECONFORM=0.8.0 KUBE_SCORE=1.20.0
KUBERNETES=1.35.4 KEDA=2.21.0 PROMETHEUS_OPERATOR=0.85.0

find_go() {
    command -v go || { [ -x /usr/local/go/bin/go ] && echo /usr/local/go/bin/go; } ||
        fail "$EX_UNAVAILABLE" "go is missing: the chart's judges need Go 1.26 or newer." \
            "Remedy: install it so that \`go version\` answers, then run make again."
}

# tool NAME PACKAGE@VERSION
tool() {
    say "building $1 (${2##*@})"
    GOBIN=$TARGET/$1 GOFLAGS=-buildvcs=false CGO_ENABLED=0 \
        nice "$GO" install -trimpath -ldflags '-s -w' "$2" >"$TARGET/go.log" 2>&1 9>&- ||
        fail "$EX_UNAVAILABLE" "$1 could not be built:" "$(tail -n 5 "$TARGET/go.log")"
}

# module PATH@VERSION: prints the directory of its files.
module() {
    "$GO" mod download -json "$1" 2>"$TARGET/go.log" 9>&- | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' | grep . ||
        fail "$EX_UNAVAILABLE" "$1 could not be fetched:" "$(tail -n 5 "$TARGET/go.log")"
}

schemas() {
    local kubernetes keda prometheus
    say "making schemas of Kubernetes $KUBERNETES, KEDA $KEDA, Prometheus operator $PROMETHEUS_OPERATOR"
    kubernetes=$(module "k8s.io/kubernetes@v$KUBERNETES")
    keda=$(module "github.com/kedacore/keda/v2@v$KEDA")
    prometheus=$(module "github.com/prometheus-operator/prometheus-operator@v$PROMETHEUS_OPERATOR")
    "$DEPS/venv/bin/python" "$ROOT/tests/chart/make_schemas.py" "$TARGET/schemas" \
        "$kubernetes/api/openapi-spec/swagger.json" \
        "$keda"/config/crd/bases/keda.sh_{scaledobjects,triggerauthentications}.yaml \
        "$prometheus"/example/prometheus-operator-crd/monitoring.coreos.com_{podmonitors,servicemonitors,prometheusrules}.yaml
}

STAMP=$(cat -- "$0" "$ROOT/tests/chart/make_schemas.py" | cksum)
locked chart_tools
stamped "$TARGET/stamp" "$STAMP" && exit 0
GO=$(find_go)
mkdir -p "$TARGET"
tool helm3 "helm.sh/helm/v3/cmd/helm@v$HELM3"
tool helm4 "helm.sh/helm/v4/cmd/helm@v$HELM4"
tool kubeconform "github.com/yannh/kubeconform/cmd/kubeconform@v$KUBECONFORM"
tool kube-score "github.com/zegl/kube-score/cmd/kube-score@v$KUBE_SCORE"
schemas
printf '%s\n' "$STAMP" >"$TARGET/stamp"
say "the chart's judges are ready in ${TARGET#"$ROOT"/}"
