.DEFAULT_GOAL := help
.PHONY: help apiserver demo test bench lint check format schemas venv constraints

# The first Python on PATH that is new enough and starts; `make PYTHON=/path/to/python` takes another.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
GO := $(shell command -v go 2>/dev/null)
DEMO := fixtures/repos/shop
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-find-links \
	--custom-compile-command "make constraints" pyproject.toml

KUBERNETES = $(shell sed -n 's|^.*k8s.io/kubernetes v\([0-9.]*\)$$|\1|p' tests/apiserver/go.mod)
RELEASE := k8s.io/component-base/version

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(VENV)/.runtime  ## scan, convert and plan the demo repository
	@$(call show,scan $(DEMO))
	@$(call show,convert $(DEMO))
	@$(call show,plan $(DEMO))
	@printf '%s\n' '' 'That was $(DEMO). Type next:' \
		'' \
		'  . $(BIN)/activate' \
		'      puts ambimigrate on your PATH' \
		'  ambimigrate scan PATH/TO/YOUR/REPOSITORY' \
		'      the same for your own files; without a path for the cluster of your kubeconfig, which is only read' \
		'  ambimigrate convert $(DEMO) --out SOME/NEW/FOLDER' \
		'      the converted files as a tree of their own' \
		'  ambimigrate --help' \
		'      every command'

# Exit code 1 says that there is something to do, as there is in the demo; 2 and above are failures.
show = printf '\n$$ ambimigrate %s\n\n' '$(1)'; $(BIN)/ambimigrate $(1) || [ $$? -eq 1 ]

test: $(VENV)/.dev apiserver $(if $(GO),bin)  ## run all tests except the benchmarks
	$(BIN)/pytest -n auto --dist loadgroup --ignore=tests/bench tests

bench: $(VENV)/.dev  ## run the benchmarks, which make large trees
	$(BIN)/pytest tests/bench

# The tests in tests/live run on a real API server: built once, where Go is there and its modules are or can be fetched.
apiserver:
	@if go -C tests/apiserver mod download >/dev/null 2>&1; then $(MAKE) --no-print-directory build/apiserver; \
		else echo 'No Go that is new enough, or none of its modules: the tests in tests/live will be skipped.' >&2; fi

build/apiserver: $(wildcard tests/apiserver/*)
	go build -C tests/apiserver -buildvcs=false -o $(CURDIR)/$@ -ldflags "-s -w -X $(RELEASE).gitVersion=v$(KUBERNETES) \
		-X $(RELEASE).gitMajor=1 -X $(RELEASE).gitMinor=$(word 2,$(subst ., ,$(KUBERNETES)))"

lint: $(VENV)/.dev  ## check format, style, types and import layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test  ## lint and test

format: $(VENV)/.dev  ## format the code and fix what ruff can fix
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

schemas: $(VENV)/.dev  ## make the schemas of CRDs anew (needs Go, whose module client fetches them)
	$(BIN)/python -m tests.tools.crd_schemas

venv: $(VENV)/.dev  ## make .venv with everything that developers need

bin: build/bin  ## build kustomize and helm, which tests use where they are (needs Go)

build/bin:
	@GOBIN=$(abspath $@.new) $(GO) install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1 && \
		GOBIN=$(abspath $@.new) $(GO) install helm.sh/helm/v3/cmd/helm@v3.18.6 && \
		mv $@.new $@ || echo 'kustomize and helm could not be built; tests that need them are skipped'

constraints:  ## choose the pinned versions anew (needs uv)
	echo 'hatchling>=1.27' | $(COMPILE) - --upgrade --output-file constraints.txt
	echo 'hatchling>=1.27' | $(COMPILE) - --upgrade --extra dev --constraint constraints.txt \
		--output-file constraints-dev.txt

$(BIN)/python:
	$(if $(PYTHON),,$(error Python 3.11 or newer (with its venv module) is needed and was not found on PATH))
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --require-hashes -r constraints.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints-dev.txt | $(BIN)/python
	$(PIP) install --require-hashes -r constraints-dev.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime
