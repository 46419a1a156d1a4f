#!/usr/bin/env bash
# kind, and the files that its own project puts into every node image.
set -euo pipefail

CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$OUT/kind" sigs.k8s.io/kind
cp -r "$(go list -m -f '{{.Dir}}' sigs.k8s.io/kind)/images/base/files" "$OUT/files"
chmod -R u+w "$OUT/files"
