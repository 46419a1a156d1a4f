#!/usr/bin/env bash
# Helm 3. Without these settings it takes every cluster for Kubernetes 1.20 and calls itself 3.0.
set -euo pipefail

IFS=. read -r major minor _ <<< "$KUBERNETES_VERSION"
module=helm.sh/helm/v3
CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$OUT/helm" -ldflags "-s -w
  -X $module/internal/version.version=v$HELM3_VERSION
  -X $module/pkg/lint/rules.k8sVersionMajor=$major -X $module/pkg/lint/rules.k8sVersionMinor=$minor
  -X $module/pkg/chartutil.k8sVersionMajor=$major -X $module/pkg/chartutil.k8sVersionMinor=$minor" \
  "$module/cmd/helm"
