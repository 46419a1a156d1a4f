#!/usr/bin/env bash
# PostgreSQL's programs, for every image that has them. No cluster of Debian's own: who uses an image makes the data folder.
# Without the just-in-time compiler: LLVM is a third of the image, and PostgreSQL does without where it is missing.
set -euo pipefail

packages=$(grep -v '^#' packages.txt | sed "s/MAJOR/$POSTGRESQL_MAJOR/" | paste -sd,)
mmdebstrap --variant=essential --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/lib/*/libLLVM*' \
  --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/llvmjit*' \
  --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/bitcode/*' \
  --customize-hook='rm -rf "$1"/var/lib/postgresql/* "$1"/etc/postgresql/* "$1"/var/log/postgresql/*' \
  --customize-hook='rm -rf "$1"/var/cache/apt "$1"/var/lib/apt/lists' \
  "$POSTGRESQL_SUITE" "$OUT/root.tar"
