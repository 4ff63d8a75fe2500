"""Which of how many training processes this one is, and who says so."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from lineage_triplets.engine.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of a job step alone: in the batch script itself Slurm names tasks that run nowhere.
_VARIABLES = (("torchrun", "RANK", "WORLD_SIZE"), ("Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"))


class Rank(NamedTuple):
    """One process of a training job.

    Attributes
    ----------
    rank, world_size : int
        Its number from 0 on, and how many there are.
    found_by : str
        Who says so.
    """

    rank: int
    world_size: int
    found_by: str

    def __str__(self) -> str:
        return f"rank {self.rank} of {self.world_size} ({self.found_by})"


def find_rank(
    rank: int | None = None,
    world_size: int | None = None,
    environ: Mapping[str, str] | None = None,
) -> Rank:
    """Find this process's rank: as given, else of torch.distributed, torchrun or Slurm.

    Parameters
    ----------
    rank, world_size : int, optional
        Both or neither.
    environ : mapping, optional
        Environment variables; this process's by default.

    Raises
    ------
    ConfigError
        One of the two is missing, or there is no such rank.
    """
    if rank is not None or world_size is not None:
        if rank is None or world_size is None or not 0 <= rank < world_size:
            raise ConfigError(
                Problem(
                    "bad-rank",
                    f"rank is {rank} and world_size {world_size}.",
                    "Give both, with rank from 0 to world_size - 1; or neither, and they are "
                    "taken from torch.distributed, torchrun or Slurm.",
                    field="rank",
                )
            )
        return Rank(rank, world_size, "as given")
    # A process that has not imported it is no rank of it.
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return Rank(distributed.get_rank(), distributed.get_world_size(), "torch.distributed")
    environ = os.environ if environ is None else environ
    for found_by, of_rank, of_world in _VARIABLES:
        own, all_of_them = environ.get(of_rank, ""), environ.get(of_world, "")
        if own.isdigit() and all_of_them.isdigit() and int(own) < int(all_of_them):
            return Rank(int(own), int(all_of_them), found_by)
    return Rank(0, 1, "alone")
