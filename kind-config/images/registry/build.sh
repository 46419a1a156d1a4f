#!/usr/bin/env bash
# crane, whose `registry serve` is a real registry in one program.
set -euo pipefail

CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$OUT/crane" github.com/google/go-containerregistry/cmd/crane
