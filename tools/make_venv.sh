#!/usr/bin/env bash
# Makes .venv and installs the named extras of pyproject.toml into it; skips what a stamp says is done.
#   tools/make_venv.sh <stamp name> <extra>...
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
shift
venv=${VENV:-.venv}

if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
  python=$(tools/find_python.sh)
  echo "venv: making $venv with $python"
  "$python" -m venv --clear "$venv"
fi
wanted=$("$venv/bin/python" tools/requirements.py "$@")
stamp="$venv/.stamp-$name"
key=$({ echo "$wanted"; cat tools/constraints.txt; } | sha256sum | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && exit 0
echo "venv: installing Python packages ($name)"
mapfile -t list <<<"$wanted"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c tools/constraints.txt \
  "${list[@]}"
echo "$key" >"$stamp"
