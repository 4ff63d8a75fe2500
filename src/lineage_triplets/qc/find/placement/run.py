"""Looks at all FOVs of an index, the first of an experiment first; what is known is not read."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.written import has_pixels
from lineage_triplets.engine.plates.zarr_json import describing_file
from lineage_triplets.engine.process import note_read, usable_cpus
from lineage_triplets.engine.tracks.transform import place_table
from lineage_triplets.qc.find.placement.hypotheses import Hypothesis
from lineage_triplets.qc.find.placement.look import look_at_fov
from lineage_triplets.qc.find.placement.verdict import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.gather import TableReader
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.tracks.table import TrackTable
    from lineage_triplets.qc.record import DecisionLog

NAME = "placement"
"""The name under which results are kept, as if it were a check of images."""
VERSION = 1
"""Raised when results change, so that kept ones are not taken for new ones."""

_AS_IS = Hypothesis()


@dataclass(frozen=True)
class KnownPlacement:
    """What was found out about one FOV, and of which data.

    Attributes
    ----------
    placement : Placement
    data_key : str
        As `data_key` gives it.
    """

    placement: Placement
    data_key: str

    @property
    def place(self) -> tuple[str, str]:
        """Experiment and FOV."""
        return self.placement.experiment, self.placement.fov

    def keep(self, log: DecisionLog) -> None:
        """Keep it for another sitting."""
        log.keep_result(*self.place, NAME, VERSION, self.data_key, [self.placement.as_dict()])


def recall_placements(
    index: MultiExperimentIndex, read: TableReader, log: DecisionLog
) -> Iterator[KnownPlacement]:
    """Give what was found out about these very data before; no image is read."""
    for source in index.fovs:
        key = data_key(source, _table(source, read))
        kept = log.kept_result(source.experiment, source.fov.name, NAME, VERSION, key)
        if kept:
            yield KnownPlacement(Placement.of_dict(kept[0]), key)


def look_at_index(
    index: MultiExperimentIndex,
    read: TableReader,
    *,
    leave_out: frozenset[tuple[str, str]] = frozenset(),
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[KnownPlacement]:
    """Look at FOV by FOV.

    Parameters
    ----------
    index : MultiExperimentIndex
        As the tables are on disk: without cuts and exclusions.
    read : callable
        Gives a table as it is on disk.
    leave_out : frozenset of (str, str)
        Experiments and FOVs that are known.
    progress : callable, optional
        Called with the FOVs looked at and their number.
    stop : callable, optional
        Asked between frames; FOVs that are finished have been given.

    Raises
    ------
    ForkedReadError
        This process was forked from one that had read images.
    """
    note_read()
    wanted = [s for s in index.fovs if (s.experiment, s.fov.name) not in leave_out]
    done = len(index.fovs) - len(wanted)
    of_experiment: dict[str, list[FovSource]] = {}
    for source in wanted:
        of_experiment.setdefault(source.experiment, []).append(source)
    with ThreadPoolExecutor(usable_cpus(), thread_name_prefix="placement") as pool:
        for first, *others in of_experiment.values():
            likely: tuple[Hypothesis, ...] = ()

            def look(source: FovSource, likely: Sequence[Hypothesis]) -> _Look:
                table = _table(source, read)
                looked = look_at_fov(
                    source, place_table(table, source.track_transform), likely, stop=stop
                )
                return None if looked is None else (*looked, data_key(source, table))

            for sources in ([first], others):
                tried = [pool.submit(look, source, likely) for source in sources]
                for future in tried:
                    looked = future.result()
                    if looked is None:
                        pool.shutdown(cancel_futures=True)
                        return
                    placement, hypothesis, key = looked
                    if hypothesis != _AS_IS:
                        likely = (hypothesis,)
                    yield KnownPlacement(placement, key)
                    # What is told of was taken.
                    done += 1
                    if progress is not None:
                        progress(done, len(index.fovs))


_Look = tuple[Placement, Hypothesis, str] | None


def _table(source: FovSource, read: TableReader) -> TrackTable:
    return read(
        source.table, experiment=source.experiment, fov=source.fov.name, reading=source.reading
    )


def data_key(source: FovSource, table: TrackTable) -> str:
    """Hash of what a placement follows from, pixels apart: metadata, slots, transform and table."""
    fov, transform = source.fov, source.track_transform
    told = [
        fov.shape,
        fov.axes,
        fov.dtype,
        fov.codecs,
        fov.pixel_size_um,
        source.channels,
        source.z_start,
        None if transform is None else transform.model_dump(mode="json", exclude_none=True),
    ]
    digest = hashlib.blake2b(json.dumps(told).encode(), digest_size=16)
    try:
        digest.update(describing_file(fov.array_path) or b"")
    except (OSError, StoreError):
        digest.update(b"unreadable")
    if not has_pixels(fov):
        # They may come later, under the same metadata.
        digest.update(b"without pixels")
    for values in (table.t, table.track_id, table.y, table.x, table.z):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
