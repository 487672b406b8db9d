#!/usr/bin/env bash
# Installs the Debian packages of a list that are missing; says nothing when there is nothing to do.
#   tools/install_deps.sh tools/debian-packages.txt [more lists]
set -euo pipefail

if ! command -v dpkg-query >/dev/null; then
  echo "deps: this is not a Debian system; install the equivalents of $* by hand" >&2
  exit 0
fi
mapfile -t wanted < <(grep -hvE '^\s*(#|$)' "$@")
# dpkg-query fails for names it has never heard of and still prints the others.
installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qx "installed $package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null; then
  as_root=(sudo)
else
  echo "deps: these Debian packages are missing, and neither root nor sudo is at hand:" >&2
  echo "deps:   apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "deps: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 \
    -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1
}
# A package index that is there may still do; only when it doesn't is it fetched again.
if ! apt install -y --no-install-recommends "${missing[@]}"; then
  apt update || true
  apt install -y --no-install-recommends "${missing[@]}" || { cat "$log" >&2; exit 1; }
fi
