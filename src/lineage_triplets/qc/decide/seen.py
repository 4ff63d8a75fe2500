"""Which pairs across a division somebody had on screen, and when that is enough to record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.errors import NoAnchorsError
from lineage_triplets.qc.decide.divisions import why_not_seen
from lineage_triplets.qc.look.preview import sample_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import DatasetConfig
    from lineage_triplets.qc.look.pair_list import PairList
    from lineage_triplets.qc.open.data import ReviewData

    Identity = tuple[tuple[str, int], tuple[str, int]]
    Settings = tuple[object, ...]

ENOUGH_PAIRS = 8


class PaintedPairs:
    """Counts the pairs across a division that were on screen, for each experiment's settings.

    Another tau, relation or channel in a slot starts a new count, as `Review.saw` records them.
    """

    def __init__(self) -> None:
        self._seen: dict[Settings, set[Identity]] = {}
        self._settled: set[Settings] = set()

    def paint(self, data: ReviewData, pairs: PairList, numbers: Iterable[int]) -> None:
        """Count those of some pairs on screen that cross a division; each once."""
        crosses = pairs.crosses_division
        for number in numbers:
            if crosses[number]:
                anchor, positive = pairs.anchors[number], pairs.positives[number]
                seen = self._seen.setdefault(_settings(data, anchor["experiment"]), set())
                seen.add(
                    (
                        (anchor["global_track_id"], anchor["t"]),
                        (positive["global_track_id"], positive["t"]),
                    )
                )

    def count(self, data: ReviewData, experiment: str) -> int:
        """How many of an experiment were on screen with the settings of now."""
        return len(self._seen.get(_settings(data, experiment), ()))

    def due(self, data: ReviewData, there_are: Mapping[str, int]) -> dict[str, int]:
        """Say which experiments' pairs are to be recorded as seen, and how many; each once.

        Parameters
        ----------
        data : ReviewData
        there_are : mapping of str to int
            How many can be shown of each experiment, as `pairs_across` counts.
        """
        found = {}
        for name, n_pairs in there_are.items():
            settings = _settings(data, name)
            count = len(self._seen.get(settings, ()))
            if not count or count < min(ENOUGH_PAIRS, n_pairs) or settings in self._settled:
                continue
            self._settled.add(settings)
            if why_not_seen(data, name):
                found[name] = count
        return found


def pairs_across(
    index: MultiExperimentIndex,
    settings: DatasetConfig,
    *,
    seed: int = 0,
    epoch: int = 0,
    most: int = ENOUGH_PAIRS,
) -> dict[str, int]:
    """Count the pairs across a division that a draw has in each experiment, up to `most`."""
    names = [one.name for one in index.registry.experiments]
    if not len(index.anchor_rows):
        return dict.fromkeys(names, 0)
    source = PairSource.of_settings(index, settings.model_copy(update={"return_negative": False}))
    counts = {}
    for name in names:
        try:
            found = sample_pairs(
                source, most, seed=seed, epoch=epoch, across_divisions=True, experiments=[name]
            )
            counts[name] = len(found.anchor)
        except NoAnchorsError:
            counts[name] = 0
    return counts


def _settings(data: ReviewData, experiment: str) -> Settings:
    settings = data.settings
    opened = data.registry.get_opened(experiment)
    return (
        experiment,
        settings.tau_range_hours,
        settings.positive_relation,
        tuple(opened.config.source_channel),
    )
