{{/*
A worker's Deployment with its budget. Takes: root, worker (gateway apply push drift resolve notify), and where it is one of several:
suffix (of the name) and args.
*/}}
{{- define "parstock.worker" -}}
{{- $values := get .root.Values .worker -}}
{{- $component := ternary (printf "%s-%s" .worker .suffix) .worker (ne (.suffix | default "") "") -}}
{{- $name := printf "%s-%s" (include "parstock.fullname" .root) $component -}}
{{- $scaled := ne (dig "autoscaling" "mode" "none" $values) "none" -}}
{{- $least := ternary (dig "autoscaling" "minReplicas" 1 $values) $values.replicas $scaled | int -}}
{{- $labels := dict "root" .root "component" $component -}}
{{- $args := concat (list .worker) (.args | default list) $values.extraArgs -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "parstock.labels" $labels | nindent 4 }}
spec:
  {{- if not $scaled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate:
      {{- /* A surge pod of a consumer means two rebalances a pod; the gateway has clients that wait. */}}
      {{- if eq .worker "gateway" }}
      maxSurge: 1
      maxUnavailable: 0
      {{- else }}
      maxSurge: 0
      maxUnavailable: 1
      {{- end }}
  selector:
    matchLabels:
      {{- include "parstock.selector" $labels | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "parstock.podLabels" $labels | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ .worker }}
        checksum/contract: {{ include "parstock.contract" .root | sha256sum }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "parstock.pod" (dict "root" .root "command" .worker "component" $component "worker" $values "args" $args) | nindent 6 }}
{{- if and .root.Values.podDisruptionBudget.enabled (gt $least 1) }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "parstock.labels" $labels | nindent 4 }}
spec:
  maxUnavailable: {{ .root.Values.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "parstock.selector" $labels | nindent 6 }}
{{- end }}
{{- end -}}

{{/*
A Job. Takes: root, name, command, args, backoffLimit, activeDeadlineSeconds, and either weight (a hook before install and upgrade)
or ttl (an ordinary Job of this revision).
*/}}
{{- define "parstock.job" -}}
{{- $labels := dict "root" .root "component" .name -}}
{{- $hook := ne (.weight | default "") "" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "parstock.fullname" .root }}-{{ .name }}{{ if not $hook }}-{{ .root.Release.Revision }}{{ end }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "parstock.labels" $labels | nindent 4 }}
  {{- if $hook }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: {{ .weight | quote }}
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  {{- end }}
spec:
  backoffLimit: {{ .backoffLimit }}
  activeDeadlineSeconds: {{ .activeDeadlineSeconds }}
  {{- if not $hook }}
  ttlSecondsAfterFinished: {{ .ttl }}
  {{- end }}
  template:
    metadata:
      labels:
        {{- include "parstock.podLabels" $labels | nindent 8 }}
    spec:
      {{- include "parstock.pod" (dict "root" .root "command" .command "args" .args "restartPolicy" "Never" "hook" $hook "resources" .root.Values.cronJobs.resources) | nindent 6 }}
{{- end -}}

{{/* A CronJob. Takes: root, name (under cronJobs, and of the command), args. */}}
{{- define "parstock.cronJob" -}}
{{- $values := get .root.Values.cronJobs .name -}}
{{- if and (eq .name "packet") (not $values.existingClaim) }}
{{- fail "cronJobs.packet needs existingClaim: the claim of a volume that keeps the folders; without one they would end with the pod" }}
{{- end }}
{{- $labels := dict "root" .root "component" .name -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ include "parstock.fullname" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "parstock.labels" $labels | nindent 4 }}
spec:
  schedule: {{ $values.schedule | quote }}
  timeZone: {{ .root.Values.cronJobs.timeZone | quote }}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 600
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 2
      activeDeadlineSeconds: {{ $values.activeDeadlineSeconds }}
      template:
        metadata:
          labels:
            {{- include "parstock.podLabels" $labels | nindent 12 }}
        spec:
          {{- include "parstock.pod" (dict "root" .root "command" .name "args" .args "restartPolicy" "Never" "resources" .root.Values.cronJobs.resources "claim" $values.existingClaim) | nindent 10 }}
{{- end -}}

{{/* Every change of the number is a rebalance: up after a minute of need, down one pod at a time. */}}
{{- define "parstock.behavior" -}}
scaleUp:
  stabilizationWindowSeconds: 60
  policies:
    - {type: Percent, value: 100, periodSeconds: 60}
    - {type: Pods, value: 2, periodSeconds: 60}
scaleDown:
  stabilizationWindowSeconds: {{ .scaleDownSeconds }}
  policies:
    - {type: Pods, value: 1, periodSeconds: 60}
{{- end -}}
