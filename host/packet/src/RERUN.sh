#!/usr/bin/env bash
# Repeats this rehearsal and compares tree hashes: MATCH, or what differs.
#
#   bash RERUN.sh                      the source is looked for where it was
#   bash RERUN.sh --source FILE        it is somewhere else now
#
# Which tool: $REHEARSAL, else `rehearsal` on PATH, else the executable that wrote this packet.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
tool=${REHEARSAL:-$(command -v rehearsal || true)}
if [ -z "$tool" ]; then
  tool=$(sed -n 's/.*"executable":"\([^"\\]*\)".*/\1/p' "$here/run/run.json")
fi
if [ ! -x "$tool" ]; then
  echo "no rehearsal tool found: install it, or set REHEARSAL to its path" >&2
  exit 1
fi
exec "$tool" rerun "$here" "$@"
