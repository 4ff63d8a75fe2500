"""Which rank a process is, and who says so."""

from __future__ import annotations

import pytest
import torch.distributed

from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.training.ranks import find_rank

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4"}
STEP = {"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2"}


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "rank 0 of 1 (alone)"),
        (TORCHRUN, "rank 3 of 4 (torchrun)"),
        (STEP, "rank 1 of 2 (Slurm)"),
        (STEP | TORCHRUN, "rank 3 of 4 (torchrun)"),
        # The batch script itself: it is no task, whatever was asked for.
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, "rank 0 of 1 (alone)"),
        ({"WORLD_SIZE": "2", "LOCAL_RANK": "1"}, "rank 0 of 1 (alone)"),
    ],
)
def test_it_is_found(environ, said):
    assert str(find_rank(environ=environ)) == said


def test_what_is_given_holds():
    assert find_rank(1, 3, TORCHRUN) == (1, 3, "as given")
    for rank, world_size in ((None, 3), (1, None), (3, 3), (-1, 3), (0, 0)):
        with pytest.raises(ConfigError, match="Give both"):
            find_rank(rank, world_size)


def test_a_process_group_comes_before_the_environment(tmp_path):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1
    )
    try:
        assert str(find_rank(environ=TORCHRUN)) == "rank 0 of 1 (torch.distributed)"
    finally:
        torch.distributed.destroy_process_group()
