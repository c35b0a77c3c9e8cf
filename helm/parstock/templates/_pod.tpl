{{/* What a pod of parstock is made of: variables, secrets as files, security, probes. */}}

{{/*
What each command reads (`parstock help COMMAND`); nothing else is given to it, secrets above all.
tests/chart holds this table against the program itself.
*/}}
{{- define "parstock.reads" -}}
gateway: [contract, kafka, postgres, admin, gateway, webhookAddress, shops, sources]
apply: [contract, kafka, postgres, admin, lanes, traces]
push: [contract, kafka, postgres, admin, shops, traces]
drift: [contract, kafka, postgres, admin, shops, traces]
resolve: [contract, kafka, postgres, admin, traces]
notify: [contract, kafka, postgres, admin, alertRoutes, traces]
migrate: [postgres]
topics: [kafka, topics]
policy: [contract]
retention: [contract, postgres]
catalog: [contract, postgres, shops]
webhooks: [contract, webhookAddress, shops]
packet: [contract, postgres]
doctor: [contract, kafka, postgres, topics, webhookAddress, shops, sources]
{{- end -}}

{{/*
The secrets that a command is given, as a list of {name, secret, items {key: file}, env {variable: file}}:
each Secret is a directory of files, and a variable NAME_FILE names each.
*/}}
{{- define "parstock.secrets" -}}
{{- $v := .root.Values -}}
{{- $reads := .reads -}}
{{- $list := list -}}
{{- if has "postgres" $reads -}}
{{- $list = append $list (dict "name" "postgres" "secret" $v.postgres.existingSecret "env" (dict "PARSTOCK_POSTGRES_FILE" $v.postgres.key)) -}}
{{- end -}}
{{- if and (has "kafka" $reads) $v.kafka.existingSecret -}}
{{- $env := dict -}}
{{- range $property, $key := $v.kafka.secretProperties -}}
{{- $_ := set $env (printf "PARSTOCK_KAFKA__%s_FILE" (include "parstock.variable" $property)) $key -}}
{{- end -}}
{{- range $property, $key := $v.kafka.fileProperties -}}
{{- $_ := set $env (printf "PARSTOCK_KAFKA__%s" (include "parstock.variable" $property)) $key -}}
{{- end -}}
{{- $list = append $list (dict "name" "kafka" "secret" $v.kafka.existingSecret "env" $env) -}}
{{- end -}}
{{- if has "shops" $reads -}}
{{- $suffixes := dict "token" "TOKEN" "clientId" "CLIENT_ID" "clientSecret" "CLIENT_SECRET" "webhookSecret" "WEBHOOK_SECRET" "webhookSecretOld" "WEBHOOK_SECRET_OLD" -}}
{{- range $shop := $v.shops -}}
{{- $env := dict -}}
{{- range $what, $key := $shop.keys -}}
{{- $_ := set $env (printf "PARSTOCK_SHOP_%s_%s_FILE" (include "parstock.variable" $shop.name) (get $suffixes $what)) $key -}}
{{- end -}}
{{- $list = append $list (dict "name" (printf "shop-%s" (include "parstock.slug" $shop.name)) "secret" $shop.existingSecret "env" $env) -}}
{{- end -}}
{{- end -}}
{{- if has "sources" $reads -}}
{{- range $source := $v.sources -}}
{{- $list = append $list (dict "name" (printf "source-%s" (include "parstock.slug" $source.name)) "secret" $source.existingSecret "env" (dict (printf "PARSTOCK_SOURCE_%s_TOKEN_FILE" (include "parstock.variable" $source.name)) $source.key)) -}}
{{- end -}}
{{- end -}}
{{- if and (has "traces" $reads) $v.tracing.existingSecret -}}
{{- $list = append $list (dict "name" "tracing" "secret" $v.tracing.existingSecret "env" (dict "PARSTOCK_OTLP_HEADERS_FILE" $v.tracing.key)) -}}
{{- end -}}
{{- if has "alertRoutes" $reads -}}
{{- range $route := $v.alertRoutes -}}
{{- $env := dict -}}
{{- range $what, $key := $route.keys -}}
{{- $_ := set $env (printf "PARSTOCK_ALERT_%s_%s_FILE" (include "parstock.variable" $route.name) (upper $what)) $key -}}
{{- end -}}
{{- $list = append $list (dict "name" (printf "alert-%s" (include "parstock.slug" $route.name)) "secret" $route.existingSecret "env" $env) -}}
{{- end -}}
{{- end -}}
{{- $list | toJson -}}
{{- end -}}

{{/* Variables of a command; a map, so that no name comes twice. */}}
{{- define "parstock.env" -}}
{{- $v := .root.Values -}}
{{- $reads := .reads -}}
{{- $env := dict "PARSTOCK_LOG" $v.log -}}
{{- if has "contract" $reads }}{{ $_ := set $env "PARSTOCK_CONTRACT" (printf "/etc/parstock/%s" (include "parstock.contractKey" .root)) }}{{ end -}}
{{- if has "kafka" $reads -}}
{{- $_ := set $env "PARSTOCK_KAFKA_BROKERS" $v.kafka.brokers -}}
{{- $_ := set $env "PARSTOCK_TOPIC_PREFIX" $v.kafka.topicPrefix -}}
{{- $_ := set $env "PARSTOCK_GROUP_PREFIX" $v.kafka.groupPrefix -}}
{{- range $property, $value := $v.kafka.properties -}}
{{- $_ := set $env (printf "PARSTOCK_KAFKA__%s" (include "parstock.variable" $property)) (toString $value) -}}
{{- end -}}
{{- end -}}
{{- if has "postgres" $reads }}{{ $_ := set $env "PARSTOCK_SCHEMA" $v.postgres.schema }}{{ end -}}
{{- if has "topics" $reads -}}
{{- $_ := set $env "PARSTOCK_TOPIC_PARTITIONS" (toString (int $v.topics.partitions)) -}}
{{- $_ := set $env "PARSTOCK_TOPIC_REPLICAS" (toString (int $v.topics.replicas)) -}}
{{- end -}}
{{- if has "admin" $reads }}{{ $_ := set $env "PARSTOCK_ADMIN_LISTEN" (printf "0.0.0.0:%d" (int $v.metrics.port)) }}{{ end -}}
{{- if has "gateway" $reads }}{{ $_ := set $env "PARSTOCK_GATEWAY_LISTEN" (printf "0.0.0.0:%d" (int $v.gateway.port)) }}{{ end -}}
{{- if has "lanes" $reads }}{{ $_ := set $env "PARSTOCK_LANES" (toString (int $v.apply.lanes)) }}{{ $_ := set $env "PARSTOCK_KEY_MEMORY_MIB" (toString (int $v.apply.keyMemoryMiB)) }}{{ end -}}
{{- if and (has "webhookAddress" $reads) $v.webhookAddress }}{{ $_ := set $env "PARSTOCK_WEBHOOK_ADDRESS" $v.webhookAddress }}{{ end -}}
{{- if and (has "traces" $reads) $v.tracing.endpoint }}{{ $_ := set $env "PARSTOCK_OTLP_ENDPOINT" $v.tracing.endpoint }}{{ end -}}
{{- range $secret := .secrets -}}
{{- range $variable, $file := $secret.env }}{{ $_ := set $env $variable (printf "/run/secrets/parstock/%s/%s" $secret.name $file) }}{{ end -}}
{{- end -}}
{{- range $entry := .extra }}{{ $_ := unset $env $entry.name }}{{ end -}}
{{- range $variable, $value := $env }}
- name: {{ $variable }}
  value: {{ $value | quote }}
{{- end }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
The pod's spec. Takes: root, command (what it reads), args, and of a worker: worker (its values), component.
`hook`: before the release's own objects exist, so without its service account and with the hook's contract.
*/}}
{{- define "parstock.pod" -}}
{{- $v := .root.Values -}}
{{- $reads := get (include "parstock.reads" .root | fromYaml) .command -}}
{{- $secrets := include "parstock.secrets" (dict "root" .root "reads" $reads) | fromJsonArray -}}
{{- $worker := .worker | default dict -}}
{{- $hook := .hook | default false -}}
automountServiceAccountToken: false
enableServiceLinks: false
serviceAccountName: {{ ternary "default" (include "parstock.serviceAccount" .root) (and $hook $v.serviceAccount.create) }}
{{- with $v.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  {{- toYaml $v.podSecurityContext | nindent 2 }}
{{- if .restartPolicy }}
restartPolicy: {{ .restartPolicy }}
{{- end }}
{{- with $worker.terminationGracePeriodSeconds }}
terminationGracePeriodSeconds: {{ . }}
{{- end }}
{{- with $worker.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $worker.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $worker.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $worker.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .worker }}
topologySpreadConstraints:
  {{- if $worker.topologySpreadConstraints }}
  {{- toYaml $worker.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "parstock.selector" (dict "root" $.root "component" $.component) | nindent 8 }}
  {{- end }}
  {{- end }}
{{- end }}
containers:
  - name: {{ .command }}
    image: {{ include "parstock.image" .root | quote }}
    imagePullPolicy: {{ $v.image.pullPolicy }}
    args:
      {{- toYaml .args | nindent 6 }}
    env:
      {{- include "parstock.env" (dict "root" .root "reads" $reads "secrets" $secrets "extra" ($worker.extraEnv | default list)) | trim | nindent 6 }}
    {{- if has "admin" $reads }}
    ports:
      - name: metrics
        containerPort: {{ $v.metrics.port }}
      {{- if has "gateway" $reads }}
      - name: http
        containerPort: {{ $v.gateway.port }}
      {{- end }}
    {{- /* Alive: the worker's own loop turns. Whether Kafka, Postgres or a shop answers is readiness: no restart mends them. */}}
    startupProbe:
      httpGet: {path: /livez, port: metrics}
      periodSeconds: 2
      failureThreshold: 30
    livenessProbe:
      httpGet: {path: /livez, port: metrics}
      periodSeconds: 15
      timeoutSeconds: 5
      failureThreshold: 4
    readinessProbe:
      httpGet: {path: /readyz, port: metrics}
      periodSeconds: 5
      timeoutSeconds: 3
      failureThreshold: 2
    {{- end }}
    {{- if and $worker.drainSeconds (semverCompare ">=1.30.0-0" .root.Capabilities.KubeVersion.Version) }}
    lifecycle:
      preStop:
        sleep: {seconds: {{ $worker.drainSeconds }}}
    {{- end }}
    resources:
      {{- toYaml (.resources | default $worker.resources) | nindent 6 }}
    securityContext:
      {{- toYaml $v.securityContext | nindent 6 }}
    {{- if .claim }}
    workingDir: /packets
    {{- end }}
    {{- if or (has "contract" $reads) $secrets }}
    volumeMounts:
      {{- if has "contract" $reads }}
      - name: contract
        mountPath: /etc/parstock
        readOnly: true
      {{- end }}
      {{- range $secrets }}
      - name: {{ .name }}
        mountPath: /run/secrets/parstock/{{ .name }}
        readOnly: true
      {{- end }}
      {{- if .claim }}
      - name: packets
        mountPath: /packets
      {{- end }}
    {{- end }}
{{- if or (has "contract" $reads) $secrets }}
volumes:
  {{- if has "contract" $reads }}
  - name: contract
    configMap:
      name: {{ ternary (printf "%s-check" (include "parstock.contractMap" .root)) (include "parstock.contractMap" .root) (and $hook (eq $v.contractFrom.configMap "")) }}
  {{- end }}
  {{- range $secrets }}
  - name: {{ .name }}
    secret:
      secretName: {{ .secret }}
      defaultMode: 0440
  {{- end }}
  {{- with .claim }}
  - name: packets
    persistentVolumeClaim:
      claimName: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}
