"""What is called usable works, whatever metadata say; what is not is a problem, in words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mutations import try_out, write_experiment

if TYPE_CHECKING:
    from lineage_triplets import ExperimentConfig


EXAMPLES = int(os.environ.get("LINEAGE_TRIPLETS_EXAMPLES", "8"))
"""Of each version; some thousands take an hour."""


@pytest.fixture(scope="module", params=["0.4", "0.5"])
def experiment(request, tmp_path_factory) -> ExperimentConfig:
    return write_experiment(tmp_path_factory.mktemp("plate"), request.param)


@given(st.data())
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_usable_works(experiment, tmp_path, data):
    """With more examples in a process of its own: an end by a signal would show there."""

    def pick(what: str, below: int) -> int:
        return data.draw(st.integers(0, below - 1), what)

    n_changes = data.draw(st.integers(1, 3), "changes")
    check = data.draw(st.integers(0, 3), "check") == 3
    try_out(tmp_path, experiment, pick, n_changes=n_changes, check=check)


def test_what_is_not_changed_is_usable(experiment, tmp_path):
    assert try_out(tmp_path, experiment, lambda *_: 0, n_changes=0, check=True) == "usable"
