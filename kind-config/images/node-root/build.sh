#!/usr/bin/env bash
# The root file system of a node, from Debian packages.
# Debian 12, because the systemd of Debian 13 refuses a host that still has cgroup v1.
set -euo pipefail

packages=$(grep -v '^#' packages.txt | paste -sd,)
mmdebstrap --variant=essential --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='rm -rf "$1"/var/cache/apt "$1"/var/lib/apt/lists "$1"/etc/machine-id' \
  --customize-hook='touch "$1"/etc/machine-id' \
  "$NODE_SUITE" "$OUT/root.tar"
