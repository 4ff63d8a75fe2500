"""How many positives are other cells: sisters, nieces, cousins of the anchor's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.pairs.forest import Relation
from lineage_triplets.engine.pairs.randomness import epoch_salt, mix
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.registry import SettingsCheck, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lineage_triplets.engine.index.index import MultiExperimentIndex

    Int64Array = NDArray[np.int64]

MOST_ANCHORS = 20_000
_LARGE = 0.10
_WORTH_SAYING = 0.01
_SEED, _EPOCH = 0, 0


def check_collateral_share(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Draw positives as training does, and count those on other branches."""
    if index.settings.positive_relation != "lineage" or not len(index.anchor_rows):
        return
    settings = index.settings
    source = PairSource(
        index, tau_decay_rate=settings.tau_decay_rate, tau_fallback=settings.tau_fallback
    )
    experiment = index.experiment_of_row[index.anchor_rows]
    for number, config in enumerate(index.registry.experiments):
        own = index.anchor_rows[experiment == number]
        if not len(own):
            continue
        rows = _sample(source, own)
        pairs = source.draw(rows, _SEED, _EPOCH)
        relation, _, _ = source.relations(pairs)
        counts = np.bincount(relation, minlength=len(Relation))
        kinds = sorted(
            (one for one in Relation if one.is_collateral and counts[one]),
            key=lambda one: -int(counts[one]),
        )
        share = sum(int(counts[one]) for one in kinds) / len(rows)
        if share < _WORTH_SAYING:
            continue
        listed = ", ".join(f"{one.label} {_percent(counts[one] / len(rows))}" for one in kinds[:3])
        drawn = "all" if len(rows) == len(own) else f"{len(rows):,} of {len(own):,}"
        yield Finding(
            kind="collateral-share",
            severity="warning" if share > _LARGE else "note",
            sentence=(
                f"{_percent(share)} of the positives are another cell than the anchor or its "
                f"offspring ({listed}; one draw for {drawn} anchors). Such pairs teach that "
                "relatives look alike, not that a cell stays itself."
            ),
            remedy="Choose positive_relation: descendant, unless relatives are wanted.",
            experiment=config.name,
            evidence=(
                Evidence("share of other branches", share),
                *(Evidence(f"share of {one.label}", counts[one] / len(rows)) for one in kinds),
                Evidence("pairs drawn", len(rows)),
            ),
            detail="large" if share > _LARGE else "",
            count=round(share * len(own)),
        )


def _sample(source: PairSource, rows: Int64Array) -> Int64Array:
    """At most so many anchors: those that a seeded order of all puts first."""
    if len(rows) <= MOST_ANCHORS:
        return rows
    rank = mix(source.keys(rows) ^ epoch_salt(_SEED, _EPOCH + 1))
    return rows[np.sort(np.argpartition(rank, MOST_ANCHORS)[:MOST_ANCHORS])]


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"


register(SettingsCheck("collateral-share", ("collateral-share",), check_collateral_share))
