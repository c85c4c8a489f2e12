# Two commands do all the set-up: `make demo` runs the main job, `make test` runs every check.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-benchmark
PEERS := .venv-peers
ENGINES := .venv-engines
LANGFUSE4 := .venv-langfuse4
GUARDRAILS := .venv-guardrails-ai
DOCS := .venv-docs
PACKAGE := .venv-package
SOAK := .venv-soak
BENCH_NEEDS := benchmarks/constraints.txt $(patsubst %,benchmarks/requirements-%.txt,llm-guard onnx plots)
PORT ?= 8000
SOAK_SECONDS ?= 300
SECONDS ?= $(SOAK_SECONDS)
PIP := -m pip --disable-pip-version-check
# Python 3.11 comes with a pip that takes twice as long to find out what to install.
environment = $(PYTHON) -m venv $(1) && $(1)/bin/python $(PIP) install --quiet --upgrade pip
# Tests are shared out to a few processes, whole files at a time: what a file starts for its tests is started once.
SHARED := -n auto --maxprocesses 4 --dist loadfile

.PHONY: help demo serve test test-engines test-langfuse4 test-guardrails-ai docs format benchmark soak package matrix licences clean
.DEFAULT_GOAL := help

help:
	@echo "make demo            hide a court document from a model, and restore its summary"
	@echo "make serve           show on a page what a model sees of your text: http://127.0.0.1:8000"
	@echo "make test            check format, lint and types, and run the tests and the README's code"
	@echo "make test-engines    test the detectors that need LLM Guard or PyTorch (their own environment, 1.5 GB)"
	@echo "make test-langfuse4  test traces with the oldest SDK of Langfuse that is supported (its own environment)"
	@echo "make docs            build the documentation, with every link checked, into build/site"
	@echo "make test-guardrails-ai  test the scanner that runs Guardrails AI (its own environment)"
	@echo "make format          format the code and mend what lint can mend"
	@echo "make benchmark       measure beside LLM Guard and other peers, and write docs/benchmark.md (two environments, 2 GB)"
	@echo "                     NER=folder measures the name model on its sets; OPTIONS=--quick tries it out"
	@echo "make soak            fuzz, load and cancel for five minutes, or make SECONDS=1800 soak (its own environment)"
	@echo "make package         build wheel and sdist, and test each in an empty environment"
	@echo "make matrix          test the lowest and highest versions that are claimed, on each Python that is there"
	@echo "make licences        list the licences of all dependencies, and check that they fit"
	@echo "make clean           remove the virtual environments and what was built"

demo: $(VENV)/.demo
	@$(BIN)/python examples/court_transcript.py

serve: $(VENV)/.serve
	@echo "== http://127.0.0.1:$(PORT) (Ctrl+C ends it; make PORT=8001 serve for another port)"
	@$(BIN)/python -m uvicorn --app-dir examples --factory app.main:create --host 127.0.0.1 --port $(PORT) \
		--no-access-log --log-level warning --timeout-graceful-shutdown 5

test: $(VENV)/.dev
	@echo "== format"
	@$(BIN)/ruff format --check .
	@echo "== lint"
	@$(BIN)/ruff check .
	@echo "== types"
	@$(BIN)/mypy
	@echo "== tests, with the README's code"
	@$(BIN)/pytest -q $(SHARED)

test-engines: $(ENGINES)/.installed
	@echo "== tests of the heavy engines"
	@OMP_NUM_THREADS=1 $(ENGINES)/bin/python -m pytest -q $(SHARED) tests/engines

test-langfuse4: $(LANGFUSE4)/.installed
	@echo "== tests of traces with Langfuse's SDK 4"
	@$(LANGFUSE4)/bin/python -m pytest -q $(SHARED) tests/integration/test_langfuse_*.py tests/integration/test_evaluate_*.py

docs: $(DOCS)/.installed
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet
	@echo "== build/site/index.html"

test-guardrails-ai: $(GUARDRAILS)/.installed
	@echo "== tests of Guardrails AI"
	@$(GUARDRAILS)/bin/python -m pytest -q tests/guardrails_ai

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

benchmark: $(BENCH)/.installed $(PEERS)/.installed
	@$(BENCH)/bin/python -m benchmarks --page --peers $(PEERS)/bin/python $(if $(NER),--ner $(NER)) $(OPTIONS)

soak: $(SOAK)/.installed
	@$(SOAK)/bin/python -m tests.soak --seconds $(SECONDS)

package: $(PACKAGE)/.installed
	@$(PACKAGE)/bin/python .ci/package.py

matrix:
	@$(PYTHON) .ci/matrix.py

licences: $(VENV)/.dev
	@$(BIN)/python .ci/licences.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "== making $(VENV)"
	@$(call environment,$(VENV))

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	@echo "== installing langchain-secguard and what the demo needs into $(VENV)"
	@$(BIN)/python $(PIP) install --quiet --editable ".[openai]" rich
	@touch $@

$(VENV)/.serve: $(VENV)/bin/python pyproject.toml
	@echo "== installing langchain-secguard and what the page needs into $(VENV)"
	@$(BIN)/python $(PIP) install --quiet --editable ".[openai,serve,surrogates]"
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	@echo "== installing langchain-secguard and what the checks need into $(VENV)"
	@$(BIN)/python $(PIP) install --quiet --editable ".[dev]"
	@touch $@ $(VENV)/.demo $(VENV)/.serve

$(LANGFUSE4)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 test-langfuse4"; exit 1; }
	@echo "== installing Langfuse's SDK 4 into $(LANGFUSE4)"
	@$(call environment,$(LANGFUSE4))
	@$(LANGFUSE4)/bin/python $(PIP) install --quiet --editable ".[langfuse]" "langfuse==4.14.0" "langchain>=1,<2" \
		"pytest>=8.3" "pytest-asyncio>=0.25" "pytest-socket>=0.7" "pytest-xdist>=3.6"
	@touch $@

$(DOCS)/.installed: docs/_build/requirements.txt
	@echo "== installing what builds the documentation into $(DOCS)"
	@$(call environment,$(DOCS))
	@$(DOCS)/bin/python $(PIP) install --quiet -r docs/_build/requirements.txt
	@touch $@

$(PACKAGE)/.installed:
	@echo "== installing what builds and checks packages into $(PACKAGE)"
	@$(call environment,$(PACKAGE))
	@$(PACKAGE)/bin/python $(PIP) install --quiet build twine pyright
	@touch $@

$(SOAK)/.installed: pyproject.toml tests/soak/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) or sys.platform != "linux")' \
		|| { echo "The fuzzer needs Linux and Python 3.11 to 3.13: make PYTHON=/path/to/python3.11 soak"; exit 1; }
	@echo "== installing a fuzzer, and what is fuzzed, into $(SOAK)"
	@$(call environment,$(SOAK))
	@$(SOAK)/bin/python $(PIP) install --quiet -r tests/soak/requirements.txt \
		--editable ".[langfuse,redis,sql,encryption,secrets,surrogates]"
	@touch $@

$(GUARDRAILS)/.installed: pyproject.toml tests/guardrails_ai/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 test-guardrails-ai"; exit 1; }
	@echo "== installing Guardrails AI into $(GUARDRAILS)"
	@$(call environment,$(GUARDRAILS))
	@$(GUARDRAILS)/bin/python $(PIP) install --quiet -r tests/guardrails_ai/requirements.txt --editable .
	@touch $@

$(BENCH)/.installed: pyproject.toml $(BENCH_NEEDS)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
		|| { echo "LLM Guard needs Python 3.11 or 3.12: make PYTHON=/path/to/python3.11 benchmark"; exit 1; }
	@echo "== installing LLM Guard, the peer that is measured, into $(BENCH) (about a minute)"
	@$(call environment,$(BENCH))
	@$(BENCH)/bin/python $(PIP) install --quiet $(addprefix -r ,$(filter-out %/constraints.txt,$(BENCH_NEEDS))) \
		--editable ".[openai,langfuse,redis,postgres,encryption,serve,testing]"
	@touch $@

$(PEERS)/.installed: benchmarks/requirements-peers.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "The peers need Python 3.11 to 3.13: make PYTHON=/path/to/python3.11 benchmark"; exit 1; }
	@echo "== installing the other peers that are measured into $(PEERS)"
	@$(call environment,$(PEERS))
	@$(PEERS)/bin/python $(PIP) install --quiet -r benchmarks/requirements-peers.txt
	@touch $@

$(ENGINES)/.installed: pyproject.toml tests/engines/requirements.txt benchmarks/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
		|| { echo "LLM Guard needs Python 3.11 or 3.12: make PYTHON=/path/to/python3.11 test-engines"; exit 1; }
	@echo "== installing LLM Guard and PyTorch into $(ENGINES) (about a minute)"
	@$(call environment,$(ENGINES))
	@$(ENGINES)/bin/python $(PIP) install --quiet -r tests/engines/requirements.txt --editable .
	@touch $@

clean:
	rm -rf $(VENV) $(BENCH) $(PEERS) $(ENGINES) $(LANGFUSE4) $(DOCS) $(PACKAGE) $(SOAK) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
