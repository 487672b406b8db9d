#!/usr/bin/env bash
# Prints a Python (3.11 or newer) that can make virtual environments and has its headers.
# $PYTHON, when set, is the only candidate.
set -u
check='
import sys, sysconfig, pathlib
import ensurepip, venv
header = pathlib.Path(sysconfig.get_paths()["include"], "Python.h")
sys.exit(0 if sys.version_info >= (3, 11) and header.exists() else 1)'
for candidate in ${PYTHON:-/usr/bin/python3.11 python3.11 python3.12 python3.13 /usr/bin/python3 python3}; do
  if path=$(command -v "$candidate") && "$path" -c "$check" 2>/dev/null; then
    echo "$path"
    exit 0
  fi
done
echo "No Python 3.11 or newer with venv and headers found; install python3, python3-venv and" \
  "python3-dev, or set PYTHON=/path/to/python." >&2
exit 1
