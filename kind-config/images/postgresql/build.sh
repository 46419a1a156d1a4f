#!/usr/bin/env bash
# PostgreSQL as CloudNativePG expects it: the server's programs on PATH, the user `postgres` with uid 26.
set -euo pipefail

cp "$INPUTS/postgresql-root/root.tar" .
docker build --quiet --build-arg MAJOR="$POSTGRESQL_MAJOR" --tag "$POSTGRESQL_IMAGE" .
docker save --output "$OUT/image.tar" "$POSTGRESQL_IMAGE"
