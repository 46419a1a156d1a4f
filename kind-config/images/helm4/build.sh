#!/usr/bin/env bash
# Helm 4. It reads the version of Kubernetes that it knows from its own build information.
set -euo pipefail

module=helm.sh/helm/v4
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X $module/internal/version.version=v$HELM4_VERSION" \
  -o "$OUT/helm" "$module/cmd/helm"
