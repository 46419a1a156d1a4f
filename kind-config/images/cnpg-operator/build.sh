#!/usr/bin/env bash
# CloudNativePG's operator. It copies the program that is named for the architecture into every PostgreSQL pod.
set -euo pipefail

module=github.com/cloudnative-pg/cloudnative-pg
program=operator/manager_$(go env GOARCH)
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X $module/pkg/versions.buildVersion=$CNPG_VERSION" \
  -o "root/$program" "$module/cmd/manager"
ln -s "$program" root/manager
docker build --quiet --tag "$CNPG_IMAGE" .
docker save --output "$OUT/image.tar" "$CNPG_IMAGE"
