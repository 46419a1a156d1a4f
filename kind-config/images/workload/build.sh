#!/usr/bin/env bash
# The stand-in application: one static program, built from this project's sources, in an image with nothing else.
set -euo pipefail

recipe=$PWD
# In the repository, where its toolchain file holds.
cd "$WORKSPACE"
target=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked \
  --profile image --target "$target" --target-dir "$SCRATCH" --package workload
cd "$recipe"
cp "$SCRATCH/$target/image/workload" workload
docker build --quiet --tag "holdfast.dev/workload:$KEY" .
docker save --output "$OUT/image.tar" "holdfast.dev/workload:$KEY"
