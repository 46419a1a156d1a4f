#!/usr/bin/env bash
# etcd's server, under the name that kubeadm asks for.
set -euo pipefail

CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o etcd go.etcd.io/etcd/server/v3
reference=$(grep /etcd: "$INPUTS/kubernetes/images.txt")
case $reference in
  *:"$ETCD_VERSION"-*) ;;
  *) echo "kubeadm asks for $reference, but etcd is pinned to $ETCD_VERSION: change the pin in versions.toml" >&2; exit 1 ;;
esac
docker build --quiet --tag "$reference" .
docker save --output "$OUT/image.tar" "$reference"
