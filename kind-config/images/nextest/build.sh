#!/usr/bin/env bash
# cargo-nextest. Without optimisation: it waits for tests all day, and its release build takes twice as long.
set -euo pipefail

cargo install cargo-nextest --version "$NEXTEST_VERSION" --locked --debug --no-track \
  --target-dir "$SCRATCH" --root "$OUT"
mv "$OUT/bin/cargo-nextest" "$OUT/cargo-nextest"
rmdir "$OUT/bin"
