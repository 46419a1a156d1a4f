#!/usr/bin/env bash
# PostgreSQL as CloudNativePG expects it: the server's programs on PATH, the user `postgres` with uid 26.
# Without the just-in-time compiler: LLVM is a third of the image, and PostgreSQL does without where it is missing.
set -euo pipefail

packages=$(grep -v '^#' packages.txt | sed "s/MAJOR/$POSTGRESQL_MAJOR/" | paste -sd,)
mmdebstrap --variant=essential --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/lib/*/libLLVM*' \
  --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/llvmjit*' \
  --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/bitcode/*' \
  --customize-hook='rm -rf "$1"/var/cache/apt "$1"/var/lib/apt/lists' \
  "$POSTGRESQL_SUITE" root.tar

docker build --quiet --build-arg MAJOR="$POSTGRESQL_MAJOR" --tag "$POSTGRESQL_IMAGE" .
docker save --output "$OUT/image.tar" "$POSTGRESQL_IMAGE"
