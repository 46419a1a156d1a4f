#!/usr/bin/env bash
# containerd, its client and its shim, without the storage drivers that kind never selects.
set -euo pipefail

module=github.com/containerd/containerd/v2
CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags "no_aufs no_zfs no_btrfs no_devmapper" \
  -ldflags "-s -w -X $module/version.Version=v$CONTAINERD_VERSION" \
  -o "$OUT/" "$module/cmd/containerd" "$module/cmd/ctr" "$module/cmd/containerd-shim-runc-v2"
