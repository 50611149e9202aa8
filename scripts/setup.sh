#!/usr/bin/env bash
# Make the environment, once. Uses uv when it is there or can be had, else pip. Prints nothing when there is nothing to do.
set -euo pipefail
python=$1 venv=$2 kind=$3
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
case "$kind" in run) target="." ;; dev) target=".[dev]" ;; *) echo "setup: unknown kind '$kind' (expected run or dev)" >&2; exit 2 ;; esac

stamp_of() { cat pyproject.toml constraints.txt scripts/setup.sh | { sha256sum 2>/dev/null || shasum -a 256; } | cut -d' ' -f1; }
stamp="$venv/.tallystick-$kind"
want=$(stamp_of)
if [ -x "$venv/bin/python" ] && { [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] || [ "$(cat "$venv/.tallystick-dev" 2>/dev/null)" = "$want" ]; }; then exit 0; fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "setup: expected Python 3.11 or later, found $("$python" --version 2>&1) as '$python'; give another with: make PYTHON=python3.11 …" >&2; exit 2; }
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"

find_uv() {
  command -v uv 2>/dev/null && return 0
  [ -x "$venv/bin/uv" ] && { echo "$venv/bin/uv"; return 0; }
  "$venv/bin/python" -m pip install --quiet uv >/dev/null 2>&1 && echo "$venv/bin/uv"
}
links=()
# uv does not read pip's find-links setting, so it is passed on where it is set.
[ -n "${PIP_FIND_LINKS:-}" ] && links=(--find-links "$PIP_FIND_LINKS")
echo "setup: installing tallystick ($kind) into $venv" >&2
if uv=$(find_uv) && [ -n "$uv" ] && "$uv" pip install --quiet --python "$venv/bin/python" "${links[@]}" -c constraints.txt -e "$target"; then :
else "$venv/bin/python" -m pip install --quiet -c constraints.txt -e "$target"; fi
echo "$want" > "$stamp"
