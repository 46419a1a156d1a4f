#!/usr/bin/env bash
# The storage of a node: the provisioner, the shell that its helper pods run, and the manifest that names both.
set -euo pipefail

CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" \
  -o local-path-provisioner github.com/rancher/local-path-provisioner
mkdir bin
cp "$(command -v busybox)" bin/busybox
for command in sh mkdir rm; do ln -s busybox "bin/$command"; done
docker build --quiet --target provisioner --tag "$LOCAL_PATH_PROVISIONER_IMAGE" .
docker build --quiet --target helper --tag "$LOCAL_PATH_PROVISIONER_HELPER_IMAGE" .
docker save --output "$OUT/image.tar" "$LOCAL_PATH_PROVISIONER_IMAGE" "$LOCAL_PATH_PROVISIONER_HELPER_IMAGE"
sed -e "s|PROVISIONER_IMAGE|$LOCAL_PATH_PROVISIONER_IMAGE|" -e "s|HELPER_IMAGE|$LOCAL_PATH_PROVISIONER_HELPER_IMAGE|" \
  storage.yaml > "$OUT/storage.yaml"
