"""Where an experiment's tables are in its images, as somebody decides it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.settings.faults import checked_transform
from lineage_triplets.qc.decide.targets import require_target
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.qc.open.data import ReviewData


def placement(
    data: ReviewData, experiment: str, transform: TrackTransform | Mapping[str, Any] | None
) -> dict[str, Any]:
    """Say where an experiment's tables are, as the config would: in the place of what it says.

    Parameters
    ----------
    data : ReviewData
    experiment : str
    transform : TrackTransform, mapping or None
        Whole: what it leaves out is as in the tables. None takes all as it is written there.

    Raises
    ------
    UnknownNameError, ConfigError
        There is no such experiment; the transform cannot be.
    """
    require_target(data, Target("experiment", experiment))
    checked = checked_transform(transform, experiment)
    return checked.model_dump(mode="json", exclude_defaults=True)
