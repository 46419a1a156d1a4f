#!/usr/bin/env bash
# Holdfast as one static program, with the programs of others that it calls beside it; and all of them in an image.
set -euo pipefail

recipe=$PWD
# In the repository, where its toolchain file holds.
cd "$WORKSPACE"
target=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked \
  --profile image --target "$target" --target-dir "$SCRATCH" --package holdfast
cp "$SCRATCH/$target/image/holdfast" "$OUT/holdfast"
cp "$INPUTS/helm3/helm" "$OUT/helm3"
cp "$INPUTS/helm4/helm" "$OUT/helm4"
cp "$INPUTS/kubectl/kubectl" "$OUT/kubectl"

cd "$recipe"
cp "$OUT"/* "$INPUTS/holdfast-root/root.tar" .
version=$("$OUT/holdfast" --version | cut -d' ' -f2)
docker build --quiet --tag "holdfast.dev/holdfast:$version" .
docker save --output "$OUT/image.tar" "holdfast.dev/holdfast:$version"
