#!/usr/bin/env bash
# PostgreSQL as docker-library publishes it: what charts that bring a database of their own expect to run.
set -euo pipefail

reference=holdfast.dev/postgres-library:$POSTGRESQL_MAJOR-$KEY
cp "$INPUTS/postgresql-root/root.tar" .
chmod 755 docker-entrypoint.sh
docker build --quiet --build-arg MAJOR="$POSTGRESQL_MAJOR" --tag "$reference" .
docker save --output "$OUT/image.tar" "$reference"
