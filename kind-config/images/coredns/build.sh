#!/usr/bin/env bash
# CoreDNS with the plugins that a cluster's Corefile names, under the name that kubeadm asks for.
set -euo pipefail

CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o coredns
reference=$(grep /coredns: "$INPUTS/kubernetes/images.txt")
case $reference in
  *:v"$COREDNS_VERSION") ;;
  *) echo "kubeadm asks for $reference, but CoreDNS is pinned to $COREDNS_VERSION: change the pin in versions.toml" >&2; exit 1 ;;
esac
docker build --quiet --tag "$reference" .
docker save --output "$OUT/image.tar" "$reference"
