#!/usr/bin/env bash
# make bench: how long an unchanged preview of STACK takes, beside that of an empty Go
# program, one after the other in the same run. The stack has to be up.
set -euo pipefail
cd "$(dirname "$0")/.."
stack=${STACK:-dev}
runs=${RUNS:-5}

eval "$(bin/emulator env "$stack")"
empty=$PWD/.emulator/bench
mkdir -p "$empty/state"
cp go.mod go.sum "$empty/"
printf 'name: empty\nruntime: go\n' >"$empty/Pulumi.yaml"
cat >"$empty/main.go" <<'GO'
package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() { pulumi.Run(func(*pulumi.Context) error { return nil }) }
GO

ours() { pulumi preview --expect-no-changes >/dev/null; }
empty() (
  cd "$empty"
  export PULUMI_BACKEND_URL=file://$empty/state
  unset PULUMI_STACK PULUMI_OPTION_CONFIG_FILE
  pulumi preview --stack empty >/dev/null
)
(
  cd "$empty"
  export PULUMI_BACKEND_URL=file://$empty/state
  unset PULUMI_STACK PULUMI_OPTION_CONFIG_FILE
  pulumi stack init --no-select empty >/dev/null 2>&1 || true
)

measure() { # measure COMMAND: its milliseconds
  local began
  began=$(date +%s%N)
  "$@"
  echo $((($(date +%s%N) - began) / 1000000))
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

empty # both are compiled before anything is measured
ours
for ((i = 0; i < runs; i++)); do
  measure empty >>"$empty/empty.ms.new"
  measure ours >>"$empty/ours.ms.new"
done
e=$(median <"$empty/empty.ms.new")
o=$(median <"$empty/ours.ms.new")
rm "$empty"/*.ms.new
awk -v e="$e" -v o="$o" -v n="$runs" 'BEGIN { printf "unchanged preview, median of %d: empty program %.1f s, this program %.1f s, ratio %.1f\n", n, e / 1000, o / 1000, o / e }'
