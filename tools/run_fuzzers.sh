#!/usr/bin/env bash
# Runs each libFuzzer target of build/fuzz for some seconds, from its seeds in tests/fuzz/corpus/<target>
# (when there are any) and what earlier runs found; stops at the first crash.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
found=0
for target in build/fuzz/tests/fuzz/*_fuzz*; do
  [ -x "$target" ] && [ -f "$target" ] || continue
  found=1
  name=$(basename "$target")
  corpus="build/fuzz/corpus/$name"
  mkdir -p "$corpus" "build/fuzz/crashes"
  seeds=()
  [ -d "tests/fuzz/corpus/$name" ] && seeds=("tests/fuzz/corpus/$name")
  echo "fuzz: $name for $seconds s"
  "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix=build/fuzz/crashes/ "$corpus" "${seeds[@]}" 2>&1 | tail -n 12
done
[ "$found" = 1 ] || { echo "fuzz: no targets in build/fuzz/tests/fuzz" >&2; exit 1; }
