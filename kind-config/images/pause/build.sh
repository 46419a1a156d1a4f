#!/usr/bin/env bash
# The container that holds a pod's namespaces open, from Kubernetes' own source.
set -euo pipefail

reference=$(grep /pause: "$INPUTS/kubernetes/images.txt")
cc -Os -static -DVERSION="${reference##*:}" -o pause "$INPUTS/kubernetes/pause.c"
docker build --quiet --tag "$reference" .
docker save --output "$OUT/image.tar" "$reference"
echo "$reference" > "$OUT/reference.txt"
