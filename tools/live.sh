#!/usr/bin/env bash
# Bundle the live pages' code, book/live, into workshop_lite/live/static. Needs node; see book/live/README.md.
set -euo pipefail
cd "$(dirname "$0")/../book/live"
test -d node_modules || npm ci --silent
npm run --silent build
