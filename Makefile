# make demo: the main job on a simulated sample   make test: every check
# make bench: side-by-side timings                make docs: the manual, in site/
# Each creates .venv by itself; PYTHON=python3.12 chooses the interpreter.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := demo

.PHONY: demo test bench docs clean

demo: $(READY)
	$(BIN)/python -m lineage_triplets.plugin.demo $(DEMO)

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/pytest
	PYTHONPATH=$(CURDIR)/$(VENV)/pyqt6 QT_API=pyqt6 PYTEST_QT_API=pyqt6 $(BIN)/pytest \
		tests/plugin/test_long_walk.py tests/plugin/test_widget.py tests/plugin/browse/test_browse.py \
		$(wildcard tests/plugin/*/test_*_panel.py)

bench: $(READY)
	$(BIN)/python -m benchmarks

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) $(DEMO) site

$(READY): pyproject.toml constraints.txt setup-venv.sh
	sh setup-venv.sh $(VENV)
	touch $(READY)
