#!/usr/bin/env bash
# The stand-in application: one static program, built from this project's sources, in an image with nothing else.
set -euo pipefail

target=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS='-C target-feature=+crt-static' cargo build --manifest-path "$WORKSPACE/Cargo.toml" --locked \
  --profile image --target "$target" --target-dir "$SCRATCH" --package workload
cp "$SCRATCH/$target/image/workload" workload
docker build --quiet --tag "holdfast.dev/workload:$KEY" .
docker save --output "$OUT/image.tar" "holdfast.dev/workload:$KEY"
