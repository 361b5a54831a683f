# The two commands of the README are up and test. Everything they write is under
# .emulator/ and bin/, and in Go's caches.
STACK ?= dev
export STACK

# Without cgo everywhere, packages that the emulator, its tools, the program and the tests share
# are compiled only once.
export CGO_ENABLED := 0

.DEFAULT_GOAL := help
.PHONY: help up down preview review doctor smoke bench-endpoint unit test check goldens schema template bench faults chaos ready bootstrap emulator tools clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: bootstrap emulator ## Bring up STACK (dev) on the emulator, and send a request
	@exec bin/emulator up $(STACK)

down: emulator ## Destroy STACK and stop the emulator; fails on leftovers
	@exec bin/emulator down $(STACK)

preview: bootstrap emulator ## Show what pulumi up would change for STACK
	@exec bin/emulator preview $(STACK)

# BASE and HEAD are revisions; without them, what is not in origin/main is reviewed.
review: bootstrap emulator ## What the working tree would do to each environment; BASE=REV
	@exec bin/emulator review $(if $(BASE),-base $(BASE)) $(if $(HEAD),-head $(HEAD)) $(ENVIRONMENTS)

doctor: ## Check tools, project, quota, roles for STACK on Google Cloud
	@mkdir -p bin && go build -buildvcs=false -o bin/doctor ./cmd/doctor && exec bin/doctor -stack $(STACK)

smoke: ## Check that STACK, which must be up, serves
	@mkdir -p bin && go build -buildvcs=false -o bin/smoke ./cmd/smoke && exec bin/smoke -stack $(STACK)

# LOAD is what bench-endpoint -h lists, such as LOAD="-concurrency 1,8,64 -output 256".
bench-endpoint: ## Measure STACK, which must be up: tokens/s, latency
	@mkdir -p bin && go build -buildvcs=false -o bin/bench-endpoint ./cmd/bench-endpoint && exec bin/bench-endpoint -stack $(STACK) $(LOAD)

unit: ## Run the unit tests of the program
	@go test ./...

test: bootstrap emulator ## Run all tests: unit, and end to end on the emulator
	@exec hack/test.sh

check: emulator ## Formatting, vet, linters, shell syntax
	@exec hack/check.sh

goldens: ## Update the recorded resource graphs of all environments
	@go test ./stacks -count=1 -run RecordedOne -update

schema: ## Generate JSON Schema, Pulumi.yaml and tables of settings
	@go run ./internal/schema

template: ## Write bin/template, the template for pulumi new
	@go run ./internal/template bin/template

bench: bootstrap emulator ## Measure previews, up and destroy; BASE=REV compares
	@exec bin/emulator bench -docs -review $(if $(BASE),-base $(BASE))

# Each environment has a separate run; CELLS limits each. RESUME=1 continues where an earlier one ended.
faults: bootstrap emulator ## Make each operation fail, and recover; CELLS=100 SEED=7
	@$(if $(RESUME),,rm -f .emulator/faults.jsonl;) failed=0; for stack in dev prod; do \
		bin/emulator faults -stack $$stack -resume -record .emulator/faults.jsonl $(if $(CELLS),-cells $(CELLS)) $(if $(SEED),-seed $(SEED)) || failed=1; done; \
		bin/emulator faults -table .emulator/faults.jsonl && exit $$failed

chaos: bootstrap emulator ## Kill random parts of a serving stack; SEED=7 HOURS=6
	@exec bin/emulator chaos -docs docs/proof.md $(if $(HOURS),-hours $(HOURS)) $(if $(SEED),-seed $(SEED))

# Checks that need nothing to be compiled.
ready:
	@command -v go >/dev/null || { echo "make: Go is missing; install Go 1.26 or newer from your distribution or go.dev" >&2; exit 1; }
	@[ "$$(uname -s)" = Linux ] || { echo "make: the emulator runs on Linux only, and this is $$(uname -s): use a Linux machine, virtual machine or container (.devcontainer makes one); the Pulumi program itself runs here, against Google Cloud" >&2; exit 1; }

# In an empty checkout, a small command is built first. It builds the emulator, its tools and the
# program in parallel.
bootstrap: ready
	@[ -x bin/emulator ] || { echo "compiling the builder"; mkdir -p bin; cd emulator; \
		go build -buildvcs=false -o ../bin/bootstrap ./cmd/bootstrap 2>../bin/bootstrap.log || \
		{ tail -n 15 ../bin/bootstrap.log; echo "make: the builder does not compile; all of go's output is in bin/bootstrap.log" >&2; exit 1; }; \
		exec ../bin/bootstrap; }

emulator: ready
	@if [ ! -x bin/emulator ]; then echo "building the emulator (two minutes on two cores, with nothing in Go's caches)"; \
		elif [ "$$(find emulator -name '*.go' -newer bin/emulator | head -c 1)" ]; then echo "building the emulator, whose sources have changed"; fi
	@cd emulator && go build -buildvcs=false -ldflags '-s -w' -o ../bin/emulator ./cmd/emulator

# The tools of make test and make check.
tools: bootstrap emulator
	@bin/emulator tools && bin/emulator tools check

clean: down ## Take down STACK; remove the emulator's folder and tools
	@[ ! -d .emulator ] || find .emulator -mindepth 1 -delete # it may be a mount point
	@rm -rf bin
