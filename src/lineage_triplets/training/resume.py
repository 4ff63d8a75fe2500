"""Whether a saved state of a sampler can be gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from lineage_triplets.engine.errors import ConfigError, Problem, counted

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE_VERSION = 1


class SamplerState(TypedDict):
    """Where a pass is.

    Attributes
    ----------
    version : int
    epoch, batches : int
        The epoch, and how many of this rank's batches were used.
    seed, world_size : int
    workers, memory_bytes : int
        By which the epoch was planned.
    n_anchors : int
    anchors, arguments : str
        Hashes of the anchors, and of the arguments that decide on the order.
    """

    version: int
    epoch: int
    batches: int
    seed: int
    world_size: int
    workers: int
    memory_bytes: int
    n_anchors: int
    anchors: str
    arguments: str


def check_state(state: Mapping[str, Any], now: SamplerState, *, any_seed: bool) -> None:
    """Compare a saved state with what a sampler is now.

    Parameters
    ----------
    state : mapping
        As it was saved.
    now : SamplerState
    any_seed : bool
        Whether the sampler takes the state's seed.

    Raises
    ------
    ConfigError
        It is of other anchors, arguments, ranks or seed.
    """
    if state.get("version") != STATE_VERSION:
        raise _cannot("this is no state of a TripletBatchSampler of this version.", "Leave it out.")
    over = f"or leave the state out and begin a new epoch: set_epoch({state['epoch'] + 1})."
    if (state["n_anchors"], state["anchors"]) != (now["n_anchors"], now["anchors"]):
        raise _cannot(
            f"the anchors have changed since the state was saved: {now['n_anchors']:,} now, "
            f"{state['n_anchors']:,} then.",
            f"Train on the data of then, {over}",
        )
    if state["arguments"] != now["arguments"]:
        raise _cannot(
            "batch_size, order, group_by, stratify_by, weights, concentrate, leak or drop_last "
            "are not those with which the state was saved.",
            f"Give the same ones, {over}",
        )
    if state["world_size"] != now["world_size"]:
        raise _cannot(
            f"the state is of {counted(state['world_size'], 'rank')}, whose parts of the epoch are "
            f"not those of {now['world_size']}.",
            f"Go on with {counted(state['world_size'], 'rank')}, {over}",
        )
    if not any_seed and state["seed"] != now["seed"]:
        raise _cannot(
            f"the state's seed is {state['seed']}, and this sampler's {now['seed']}.",
            f"Give the same one, {over}",
        )


def _cannot(message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem("sampler-state", message, remedy))
