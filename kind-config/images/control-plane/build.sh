#!/usr/bin/env bash
# The four images of the control plane, which are one image under four names.
set -euo pipefail

cp "$INPUTS/kubernetes/kube" "$INPUTS/node-root/root.tar" .
mapfile -t references < <(grep /kube- "$INPUTS/kubernetes/images.txt")
docker build --quiet "${references[@]/#/--tag=}" .
docker save --output "$OUT/image.tar" "${references[@]}"
