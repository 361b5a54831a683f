#!/usr/bin/env bash
# make check: formatting, vet, linters and shell syntax, over all modules with code of this
# repository. All parts run, whatever fails before.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

bin/emulator tools check || exit 1
tools=$PWD/.emulator/bin
failed=0

part() { # part NAME COMMAND...: prints the output of a failing command
  local name=$1 out
  shift
  if out=$("$@" 2>&1); then
    echo "check: $name: ok"
  else
    printf '%s\n' "$out"
    echo "check: $name: FAILED" >&2
    failed=1
  fi
}

nothing() { # fails if its command prints anything
  local out
  out=$("$@" 2>&1) || true
  printf '%s' "$out"
  [ -z "$out" ]
}

vulnerabilities() { # govulncheck in one module; its database is on the internet
  local module=$1 out
  if out=$("$tools/govulncheck" -C "$module" ./... 2>&1); then
    echo "check: govulncheck ($module): ok"
  elif [[ $out == *"fetching vulnerabilities"* ]]; then
    echo "check: govulncheck ($module): SKIPPED, its database cannot be had from here: ${out##*fetching vulnerabilities: }"
  else
    printf '%s\n' "$out"
    echo "check: govulncheck ($module): FAILED" >&2
    failed=1
  fi
}

mapfile -t go_files < <(git ls-files -co --exclude-standard -- '*.go' | while read -r f; do [ -e "$f" ] && echo "$f"; done)
part "gofmt" nothing gofmt -l "${go_files[@]}"
part "gofumpt" nothing "$tools/gofumpt" -l "${go_files[@]}"
# The other modules in emulator/tools name a program's version, and hold no code but that.
for module in . emulator emulator/tools/json-exporter emulator/tools/prometheus; do
  part "vet ($module)" go -C "$module" vet ./...
  vulnerabilities "$module"
  part "golangci-lint ($module)" env -C "$module" "$tools/golangci-lint" run --allow-parallel-runners --config "$PWD/.golangci.yml" ./...
done
# What runs is what somebody read: actions by commit, modules with checksums.
unpinned() { grep -rhnE 'uses: +[^./ ]' .github | grep -vE 'uses: +[^ ]+@[0-9a-f]{40}( |$)'; }
part "actions pinned by commit" nothing unpinned
for pinned in go.mod emulator/go.mod emulator/tools/*/go.mod; do part "checksums of $pinned" test -s "${pinned%.mod}.sum"; done
# The build Job's image has no bash.
for script in infra/image/*.sh; do part "sh -n $script" sh -n "$script"; done
for script in infra/serving/*.sh hack/*.sh emulator/e2e/testdata/*.sh .ci/run; do part "bash -n $script" bash -n "$script"; done
exit "$failed"
