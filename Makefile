# Questions people ask: what can be stolen (paper), does it work (test, smoke), is it clean (check), how fast (bench).
PYTHON ?= python3
VENV ?= .venv
OUT ?= runs
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install paper smoke test test-frameworks fuzz check format bench zoo clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (a few minutes, several GB: torch brings its CUDA packages)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

paper: $(STAMP)
	@$(BIN)/python -m benchmark run --suite paper --out $(OUT)

smoke: $(STAMP)
	@$(BIN)/python -m benchmark run --suite smoke --out $(OUT)

test: $(STAMP)
	@$(BIN)/python -m pytest -n 2 --dist loadfile

# TensorFlow is heavy and has its own ideas of versions: an environment of its own
test-frameworks:
	@test -x $(VENV)-frameworks/bin/python || $(PYTHON) -m venv $(VENV)-frameworks
	@$(VENV)-frameworks/bin/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -c tests/converters/frameworks-constraints.txt -e ".[dev,tensorflow]" tf_keras
	@$(VENV)-frameworks/bin/python -m pytest tests/converters -k "keras or tensorflow or tflite"

fuzz: $(STAMP)
	@$(BIN)/python tests/converters/caffe/fuzz.py 20000

check: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(STAMP)
	@$(BIN)/python -m pytest tests/perf -o addopts="" --benchmark-only

zoo: $(STAMP)
	@$(BIN)/python -m benchmark zoo remake

clean:
	rm -rf $(VENV) runs build dist *.egg-info
