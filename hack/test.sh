#!/usr/bin/env bash
# make test: unit tests of both modules, then end to end on the emulator. All parts run,
# whatever fails before; a skipped test is shown, and in CI it fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

bin/emulator tools || exit 1
mkdir -p .emulator/run
log=.emulator/run/test.log
: >"$log"
: >"$log.summary"

part() { # part NAME FOLDER ARGUMENTS...: go test in a module; parts may run side by side
  local name=$1 folder=$2 began=$SECONDS verdict=ok count said
  shift 2
  said=$(mktemp "$log.XXXXXX")
  echo "test: $name"
  # The verbose output goes to the log; what a person needs is shown as it comes.
  if ! go -C "$folder" test -v "$@" 2>&1 | tee "$said" |
    grep --line-buffered -vE '^(=== |--- PASS|    --- PASS|        --- PASS|PASS$|ok  .*\(cached\)|\?  )'; then
    :
  fi
  if [ "${PIPESTATUS[0]}" -ne 0 ]; then
    verdict=FAILED
  fi
  count=$(grep -cE '^ *--- PASS' "$said")
  if grep -qE '^(FAIL|--- FAIL|panic:)|^ *--- FAIL' "$said"; then
    verdict=FAILED
  fi
  if grep -E '^ *--- SKIP' -A 2 "$said"; then
    [ -n "${CI:-}" ] && verdict="FAILED (a test was skipped)"
  fi
  printf 'test: %-40s %-8s %4d passed, %4d s\n' "$name" "$verdict" "$count" "$((SECONDS - began))" >>"$log.summary"
  flock "$log" cat "$said" >>"$log"
  rm -f "$said"
}

# A part in the background ignores Ctrl-C.
trap 'trap "" TERM; kill 0; exit 130' INT
# They wait for most of their time. Not from Go's cache, which does not look at what a test
# reads outside of its module, such as the workflows.
part "unit tests of the emulator" emulator -count=1 ./internal/... ./cmd/... &
part "unit tests of the program" . ./...
if [ -n "${CI:-}" ]; then
  part "configurations at random" . -run '^$' -fuzz FuzzLoad -fuzztime 1m ./spec/settings
fi
# Modules of their own: their libraries are not the emulator's.
part "queries of alerts and dashboard" emulator/tools/prometheus -count=1 ./...
part "names of an emulated pod's exporter" emulator/tools/json-exporter ./...
wait
# Most of their time is waiting, for Google and for pods, so some run side by side.
part "end to end" emulator -count=1 -parallel 4 -timeout 70m ./e2e/...
cat "$log.summary"
if grep -q FAILED "$log.summary"; then
  echo "test: FAILED; everything that was said is in $log" >&2
  exit 1
fi
