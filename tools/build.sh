#!/usr/bin/env bash
# Configures a preset when it has not been yet, then builds it; quiet when there is nothing to do.
#   tools/build.sh release [ninja targets]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
build="build/$preset"
mkdir -p build
# Configuring again is ninja's business, but for what it can't see: the preset file and a moved checkout.
key=$({ pwd; cat CMakePresets.json; } | sha256sum | cut -d' ' -f1)
if [ ! -f "$build/build.ninja" ] || [ "$(cat "$build/.preset" 2>/dev/null)" != "$key" ]; then
  [ -f "$build/CMakeCache.txt" ] && ! grep -qF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$build/CMakeCache.txt" &&
    rm -rf "$build"
  echo "build: configuring $build"
  mkdir -p "$build"
  cmake --preset "$preset" >"$build/configure.log" 2>&1 || { cat "$build/configure.log" >&2; exit 1; }
  echo "$key" >"$build/.preset"
fi
if [ -t 1 ]; then
  ninja -C "$build" "$@"
else
  # Piped: what went wrong, or the last line.
  log="$build/build.log"
  if ninja -C "$build" "$@" >"$log" 2>&1; then
    tail -n 1 "$log" | sed "s|^|build: $preset: |"
  else
    grep -E 'FAILED|error|undefined|warning' "$log" | head -60 >&2 || true
    tail -n 40 "$log" >&2
    exit 1
  fi
fi
