"""A batch sampler that is its own sampler, and that Lightning keeps as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data import BatchSampler

if TYPE_CHECKING:
    from collections.abc import Iterator


class _GivenBack(type):
    """Gives an object that exists already back, where one is named."""

    def __call__(cls, *args: Any, again: Any = None, **arguments: Any) -> Any:
        return super().__call__(*args, **arguments) if again is None else again


class KeptBatchSampler(BatchSampler, metaclass=_GivenBack):
    """Batches for one of several ranks, which no loop need, or may, divide once more.

    Under more than one process Lightning makes batch samplers anew by the arguments that it has
    noted, so that it can divide them; of this one it notes that it is what it is. Epochs are set by
    `set_epoch`, which loops look for at ``batch_sampler.sampler``.
    """

    def __init__(self, batch_size: int, drop_last: bool) -> None:
        self.sampler: Any = self
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        raise NotImplementedError


# As lightning.fabric.utilities.data notes them; inside the class their names would be mangled.
for _name, _noted in {
    "__pl_saved_args": (),
    "__pl_saved_arg_names": (),
    "__pl_saved_default_kwargs": {},
    "__pl_saved_kwargs": property(
        lambda self: {"again": self, "sampler": None, "drop_last": self.drop_last}
    ),
}.items():
    setattr(KeptBatchSampler, _name, _noted)
