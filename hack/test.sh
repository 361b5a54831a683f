#!/usr/bin/env bash
# make test: unit tests of both modules, then end to end on the emulator. All parts run,
# whatever fails before; a skipped test is shown, and in CI it fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

bin/emulator tools || exit 1
mkdir -p .emulator/run
log=.emulator/run/test.log
: >"$log"
failed=0
summary=()

part() { # part NAME FOLDER ARGUMENTS...: go test in a module
  local name=$1 folder=$2 began=$SECONDS verdict=ok count
  shift 2
  echo "test: $name"
  # The verbose output goes to the log; what a person needs is shown as it comes.
  if ! go -C "$folder" test -v "$@" 2>&1 | tee "$log.part" |
    grep --line-buffered -vE '^(=== |--- PASS|    --- PASS|        --- PASS|PASS$|ok  .*\(cached\)|\?  )'; then
    :
  fi
  if [ "${PIPESTATUS[0]}" -ne 0 ]; then
    verdict=FAILED
  fi
  count=$(grep -cE '^ *--- PASS' "$log.part")
  if grep -qE '^(FAIL|--- FAIL|panic:)|^ *--- FAIL' "$log.part"; then
    verdict=FAILED
  fi
  if grep -E '^ *--- SKIP' -A 2 "$log.part"; then
    [ -n "${CI:-}" ] && verdict="FAILED (a test was skipped)"
  fi
  [ "$verdict" = ok ] || failed=1
  cat "$log.part" >>"$log"
  summary+=("$(printf '%-40s %-8s %4d passed, %4d s' "$name" "$verdict" "$count" "$((SECONDS - began))")")
}

part "unit tests of the program" . ./...
if [ -n "${CI:-}" ]; then
  part "configurations at random" . -run '^$' -fuzz FuzzLoad -fuzztime 1m ./spec/settings
fi
# Not from Go's cache, which does not look at what a test reads outside of its module,
# such as the workflows.
part "unit tests of the emulator" emulator -count=1 ./internal/... ./cmd/...
# Modules of their own: their libraries are not the emulator's.
part "queries of alerts and dashboard" emulator/tools/prometheus -count=1 ./...
part "names of an emulated pod's exporter" emulator/tools/json-exporter ./...
# Most of their time is waiting, for Google and for pods, so some run side by side.
part "end to end" emulator -count=1 -parallel 4 -timeout 70m ./e2e/...
printf 'test: %s\n' "${summary[@]}"
[ "$failed" -eq 0 ] || echo "test: FAILED; everything that was said is in $log" >&2
exit "$failed"
