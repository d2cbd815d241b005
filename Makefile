# Two commands: `make demo` and `make test`. Each makes .venv and installs what it needs.

PYTHON ?= python3
VENV   := .venv
BENCH  := .venv-bench
PEER   := .venv-alibi
PYOD   := .venv-pyod
PARSER := .venv-parsers
BIN    := $(VENV)/bin
LOG    ?=
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint types bench clean

demo: $(VENV)/.installed
ifeq ($(LOG),)
	$(BIN)/amiss simulate hdfs -o demo --lines 50000 --seed 1
	$(BIN)/amiss scan demo/HDFS.log
else
	$(BIN)/amiss scan $(LOG)
endif

test: $(VENV)/.installed-dev lint types
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

# `make bench QUICK=1` takes minutes and never writes to benchmarks/results.
bench: $(BENCH)/.installed $(if $(QUICK),,$(PEER)/.installed $(PYOD)/.installed $(PARSER)/.installed)
	AMISS_PEER_PYTHON=$(PEER)/bin/python AMISS_OUTLIER_PEER_PYTHON=$(PYOD)/bin/python \
	  AMISS_PARSER_PEER_PYTHON=$(PARSER)/bin/python $(BENCH)/bin/python -m benchmarks $(if $(QUICK),--quick)

$(VENV)/.created:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.installed

# Peers live in an environment of their own: their pins are not ours.
$(BENCH)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install -q -c constraints.txt -e '.[bench]'
	touch $@

# TensorFlow and its pins: alibi-detect is asked by its own interpreter.
$(PEER)/.installed:
	$(PYTHON) -m venv $(PEER)
	$(PEER)/bin/pip install -q 'alibi-detect[tensorflow]==0.13.0'
	touch $@

# DeepOD asks for a torch of 2022; it works with one of today.
$(PYOD)/.installed:
	$(PYTHON) -m venv $(PYOD)
	$(PYOD)/bin/pip install -q pyod==3.6.7 shap==0.51.0 xgboost-cpu==3.2.0 torch==2.13.0 pandas tqdm
	$(PYOD)/bin/pip install -q --no-deps deepod==0.4.1
	touch $@

$(PARSER)/.installed:
	$(PYTHON) -m venv $(PARSER)
	$(PARSER)/bin/pip install -q drain3==0.9.11 tipping==0.2.1 loglead==2.0.0
	touch $@

clean:
	rm -rf $(VENV) $(BENCH) $(PEER) $(PYOD) $(PARSER) demo build dist .mypy_cache .ruff_cache .pytest_cache
