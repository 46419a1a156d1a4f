#!/usr/bin/env bash
# PgBouncer as CloudNativePG's Pooler expects it. It shares its layer with PostgreSQL, which brings the client besides.
set -euo pipefail

cp "$INPUTS/postgresql-root/root.tar" .
docker build --quiet --tag "$PGBOUNCER_IMAGE" .
docker save --output "$OUT/image.tar" "$PGBOUNCER_IMAGE"
