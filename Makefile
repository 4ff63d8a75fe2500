# make demo: the main job on a simulated sample   make test: every check
# make bench: side-by-side timings                make docs: the manual, in site/
# make test-slow: the cases that make test leaves out, on more data
# make test-all: all tests on every Python that is found, then make lowest
# make lowest: the tests with the lowest versions that pyproject.toml allows; TESTED=tests/qc for some of them
# Each creates .venv by itself; PYTHON=python3.12 chooses the interpreter.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := demo

.PHONY: demo test lint pytest test-slow lowest test-all bench docs clean

PYTHONS := 3.11 3.12 3.13

# A process of tests for each core: threads of a library for each core too would only push each other aside.
# Neighbours stay together, as they share what a module makes once, until a process has no more to do.
# Compiled modules are kept, as many tests start processes.
TESTS := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/pytest \
	--numprocesses logical --maxprocesses 8 --dist worksteal

demo: $(READY)
	$(BIN)/python -m lineage_triplets.plugin.demo $(DEMO)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

test: lint pytest
	PYTHONPATH=$(CURDIR)/$(VENV)/pyqt6 QT_API=pyqt6 PYTEST_QT_API=pyqt6 $(TESTS) \
		tests/plugin/test_long_walk.py::test_a_wrong_order_is_seen_mended_and_gone_in_training \
		tests/plugin/test_widget.py tests/plugin/board/test_board_panel.py tests/plugin/links/test_links_panel.py

pytest: $(READY)
	$(TESTS) -m "not slow" $(TESTED)

test-slow: $(READY)
	$(TESTS) -m slow $(TESTED)

test-all:
	@oldest=; \
	for version in $(PYTHONS); do \
		if python$$version -c "" 2>/dev/null; then \
			: "$${oldest:=$$version}"; \
			echo "Python $$version, pinned versions"; \
			$(MAKE) pytest test-slow VENV=.venv-$$version PYTHON=python$$version || exit 1; \
		else \
			echo "Python $$version was not found: not tested"; \
		fi; \
	done; \
	if [ -z "$$oldest" ]; then echo "None of Python $(PYTHONS) was found" >&2; exit 1; fi; \
	echo "Python $$oldest, lowest versions"; \
	$(MAKE) lowest PYTHON=python$$oldest

lowest:
	$(MAKE) pytest VENV=.venv-lowest RESOLUTION=lowest

bench: $(READY)
	$(BIN)/python -m benchmarks

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) $(PYTHONS:%=.venv-%) .venv-lowest $(DEMO) site

$(READY): pyproject.toml constraints.txt setup-venv.sh
	sh setup-venv.sh $(VENV)
	touch $(READY)
