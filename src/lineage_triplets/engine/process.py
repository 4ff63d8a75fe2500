"""A forked child must not use tensorstore if its parent has: say so before it aborts."""

from __future__ import annotations

import os

from lineage_triplets.engine.errors import ForkedReadError, Problem


class _Reads:
    """Whether this process has read through tensorstore, or was forked from one that had."""

    here = False
    in_parent = False

    @classmethod
    def after_fork(cls) -> None:
        cls.in_parent = cls.in_parent or cls.here
        cls.here = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Reads.after_fork)


def note_read() -> None:
    """Remember that this process reads through tensorstore.

    Raises
    ------
    ForkedReadError
        It was forked from a process that had read, so that tensorstore would abort.
    """
    if _Reads.in_parent:
        raise ForkedReadError(
            Problem(
                "forked-after-read",
                "this worker was forked from a process that has read images, where tensorstore "
                "would abort.",
                "Start workers with DataLoader(..., multiprocessing_context='forkserver') or "
                "'spawn', or read nothing before the workers start.",
            )
        )
    _Reads.here = True


def has_read() -> bool:
    """Whether this process has read through tensorstore."""
    return _Reads.here
