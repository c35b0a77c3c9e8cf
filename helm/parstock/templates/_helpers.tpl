{{/* Names, labels, image: what every manifest shares. */}}

{{- define "parstock.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 40 characters at most: "-apply", a hash and a pod's own name follow. */}}
{{- define "parstock.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "parstock.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "parstock.selector" -}}
app.kubernetes.io/name: {{ include "parstock.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "parstock.labels" -}}
{{ include "parstock.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/part-of: parstock
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Pods': without versions, so that a chart that only says more rolls nothing. */}}
{{- define "parstock.podLabels" -}}
{{ include "parstock.selector" . }}
app.kubernetes.io/part-of: parstock
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "parstock.image" -}}
{{- $image := .Values.image -}}
{{- $repository := $image.repository -}}
{{- with $image.registry }}{{ $repository = printf "%s/%s" . $repository }}{{ end -}}
{{- if $image.digest -}}
{{ $repository }}@{{ $image.digest }}
{{- else -}}
{{ $repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "parstock.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "parstock.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* The contract file as JSON. Numbers stay integers: toPrettyJson writes them without an exponent. */}}
{{- define "parstock.contract" -}}
{{- .Values.contract | toPrettyJson -}}
{{- end -}}

{{- define "parstock.contractMap" -}}
{{- .Values.contractFrom.configMap | default (printf "%s-contract" (include "parstock.fullname" .)) -}}
{{- end -}}

{{- define "parstock.contractKey" -}}
{{- ternary .Values.contractFrom.key "contract.json" (ne .Values.contractFrom.configMap "") -}}
{{- end -}}

{{/*
A name as a part of a variable, as parstock itself spells it: ASCII letters in upper case, every
other byte that is no letter or digit an underscore.
*/}}
{{- define "parstock.variable" -}}
{{- $name := regexReplaceAll "[\\x{80}-\\x{7FF}]" . "__" -}}
{{- $name = regexReplaceAll "[\\x{800}-\\x{FFFF}]" $name "___" -}}
{{- $name = regexReplaceAll "[\\x{10000}-\\x{10FFFF}]" $name "____" -}}
{{- regexReplaceAll "[^A-Z0-9]" (upper $name) "_" -}}
{{- end -}}

{{/* A name as a part of a resource's or volume's name: short and distinct. */}}
{{- define "parstock.slug" -}}
{{- $plain := regexReplaceAll "[^a-z0-9]+" (lower .) "-" | trimAll "-" | trunc 20 | trimSuffix "-" -}}
{{- if eq $plain . -}}
{{ $plain }}
{{- else -}}
{{ printf "%s-%s" (default "x" $plain) (sha256sum . | trunc 6) }}
{{- end -}}
{{- end -}}

{{/* What cannot be said by values.schema.json: one clear list, before anything is rendered. */}}
{{- define "parstock.validate" -}}
{{- $v := .Values -}}
{{- $faults := list -}}
{{- if not $v.kafka.brokers }}{{ $faults = append $faults "kafka.brokers is empty: say host:port of the bootstrap servers" }}{{ end -}}
{{- if not $v.postgres.existingSecret }}{{ $faults = append $faults "postgres.existingSecret is empty: name the Secret with the connection string (the chart makes none)" }}{{ end -}}
{{- if and (not $v.contract) (not $v.contractFrom.configMap) }}{{ $faults = append $faults "contract is empty: give the contract file as values, or contractFrom.configMap" }}{{ end -}}
{{- if and $v.contract $v.contractFrom.configMap }}{{ $faults = append $faults "contract and contractFrom.configMap are both given: choose one" }}{{ end -}}
{{- if and (or $v.kafka.secretProperties $v.kafka.fileProperties) (not $v.kafka.existingSecret) }}{{ $faults = append $faults "kafka.secretProperties or fileProperties need kafka.existingSecret" }}{{ end -}}
{{- range $property := keys $v.kafka.secretProperties }}{{ if hasKey $v.kafka.properties $property }}{{ $faults = append $faults (printf "kafka.properties and kafka.secretProperties both set %s" $property) }}{{ end }}{{ end -}}
{{- range $property := keys $v.kafka.fileProperties }}{{ if hasKey $v.kafka.properties $property }}{{ $faults = append $faults (printf "kafka.properties and kafka.fileProperties both set %s" $property) }}{{ end }}{{ end -}}
{{- $auto := $v.apply.autoscaling -}}
{{- $partitions := int $v.topics.partitions -}}
{{- if eq $auto.mode "none" -}}
{{- if gt (int $v.apply.replicas) $partitions }}{{ $faults = append $faults (printf "apply.replicas is %d, topics.partitions %d: a partition has one owner, so the rest would idle" (int $v.apply.replicas) $partitions) }}{{ end -}}
{{- else -}}
{{- if gt (int $auto.maxReplicas) $partitions }}{{ $faults = append $faults (printf "apply.autoscaling.maxReplicas is %d, topics.partitions %d: a partition has one owner, so the rest would idle" (int $auto.maxReplicas) $partitions) }}{{ end -}}
{{- if gt (int $auto.minReplicas) (int $auto.maxReplicas) }}{{ $faults = append $faults "apply.autoscaling.minReplicas is above maxReplicas" }}{{ end -}}
{{- end -}}
{{- if gt (int $v.gateway.autoscaling.minReplicas) (int $v.gateway.autoscaling.maxReplicas) }}{{ $faults = append $faults "gateway.autoscaling.minReplicas is above maxReplicas" }}{{ end -}}
{{- if and $v.metrics.podMonitor.enabled $v.metrics.serviceMonitor.enabled }}{{ $faults = append $faults "metrics.podMonitor and metrics.serviceMonitor are both enabled: every pod would be read twice" }}{{ end -}}
{{- if and (eq $v.topics.mode "strimzi") (not $v.topics.strimzi.cluster) }}{{ $faults = append $faults "topics.mode is strimzi: topics.strimzi.cluster must name the Kafka resource" }}{{ end -}}
{{- if and $v.push.perShop (not $v.shops) }}{{ $faults = append $faults "push.perShop needs shops" }}{{ end -}}
{{- if and $v.cronJobs.webhooks.enabled (not $v.webhookAddress) }}{{ $faults = append $faults "cronJobs.webhooks needs webhookAddress" }}{{ end -}}
{{- if and $v.tracing.existingSecret (not (hasPrefix "https://" $v.tracing.endpoint)) }}{{ $faults = append $faults "tracing.existingSecret needs a tracing.endpoint by https: headers are secret" }}{{ end -}}
{{- if and $v.gateway.ingress.enabled (not $v.gateway.ingress.host) }}{{ $faults = append $faults "gateway.ingress needs a host" }}{{ end -}}
{{- if $faults }}{{ fail (printf "parstock: these values do not fit together:\n- %s" (join "\n- " $faults)) }}{{ end -}}
{{- end -}}
