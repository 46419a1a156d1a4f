#!/usr/bin/env bash
# What a pipeline expects of the image that its steps run in: a shell and its commands; and certificates, for charts that
# Helm pulls.
set -euo pipefail

mmdebstrap --variant=essential --include=ca-certificates \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='rm -rf "$1"/var/cache/apt "$1"/var/lib/apt/lists' \
  "$HOLDFAST_ROOT_SUITE" "$OUT/root.tar"
