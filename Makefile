# The two commands of the README are up and test. Everything they write is under
# .emulator/ and bin/, and in Go's caches.
STACK ?= dev
export STACK

# Without cgo everywhere, what the emulator, its tools, the program and the tests have in
# common is compiled once.
export CGO_ENABLED := 0

.DEFAULT_GOAL := help
.PHONY: help up down preview review unit test check goldens bench ready bootstrap emulator clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: bootstrap emulator ## Bring STACK (default dev) up on the emulator and ask the model server something
	@exec bin/emulator up $(STACK)

down: emulator ## Destroy STACK and stop the emulator; fails if anything is left
	@exec bin/emulator down $(STACK)

preview: bootstrap emulator ## Show what pulumi up would change for STACK
	@exec bin/emulator preview $(STACK)

# BASE and HEAD are revisions; without them, what is not in origin/main is reviewed.
review: bootstrap emulator ## What the working tree would do to every environment: make review BASE=origin/main
	@exec bin/emulator review $(if $(BASE),-base $(BASE)) $(if $(HEAD),-head $(HEAD)) $(ENVIRONMENTS)

unit: ## Run the unit tests of the program
	@go test ./...

test: bootstrap emulator ## Run all tests: unit, and end to end on the emulator
	@exec hack/test.sh

check: emulator ## Formatting, vet, linters, shell syntax
	@exec hack/check.sh

goldens: ## Write the recorded resource graphs of all environments anew
	@go test ./stacks -count=1 -run RecordedOne -update

bench: emulator ## Time an unchanged preview of STACK, which is up, beside an empty program's
	@exec hack/bench.sh

# What can be said before anything is compiled.
ready:
	@command -v go >/dev/null || { echo "make: Go is missing; install Go 1.26 or newer from your distribution or go.dev" >&2; exit 1; }
	@[ "$$(uname -s)" = Linux ] || { echo "make: the emulator runs on Linux only, and this is $$(uname -s): use a Linux machine, virtual machine or container; the Pulumi program itself runs here, against Google Cloud" >&2; exit 1; }

# From nothing, the emulator, its tools and the program are built side by side.
bootstrap: ready
	@[ -x bin/emulator ] || { cd emulator && go run -buildvcs=false ./cmd/bootstrap; }

emulator: ready
	@cd emulator && go build -buildvcs=false -ldflags '-s -w' -o ../bin/emulator ./cmd/emulator

clean: down ## Everything down, and the tools and the emulator's folder removed
	@rm -rf .emulator bin
