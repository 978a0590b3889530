#!/usr/bin/env bash
# What anybody can do with this packet. Each line stands for itself; none of them can reach production.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

# Without any tool of ours: the files are those of the manifest, whose own digest is the tree hash.
sha256sum --check --quiet manifest-sha256.txt
sha256sum --check --quiet tagmanifest-sha256.txt
sha256sum manifest-sha256.txt

# With the tool: the same, and that verdict, decision and report follow from the evidence.
#   rehearsal gate .
# Again from the start, on the same source: the same tree hash.
#   bash RERUN.sh
#
# Exit codes of the tool:
#   0  rehearsed clean; the gate passes; a rerun matches
#   1  the tool could not do its work: usage, input or output, internal
#   2  it ran and something failed closed: a finding, drift
#   3  not applied: no admissible clone
