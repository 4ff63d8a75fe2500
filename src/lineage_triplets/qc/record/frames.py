"""Decisions about frames that were made while the table's t was another frame of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.qc.record.decision import Decision


def of_other_frames(active: Sequence[Decision], of_config: Mapping[str, int]) -> set[int]:
    """Numbers of the decisions whose frame is another one of the table now.

    Parameters
    ----------
    active : sequence of Decision
        In order, those that were withdrawn too: a `place` held until it was.
    of_config : mapping of str to int
        The `first_frame` that the config gives each experiment.
    """
    withdrawn = {made.value["decision"] for made in active if made.kind == "withdraw"}
    places: dict[str, list[Decision]] = {}
    made_at: dict[int, set[int]] = {}
    experiment_of: dict[int, str] = {}

    def first_frame(experiment: str) -> int:
        held = places.get(experiment)
        return held[-1].value.get("first_frame", 0) if held else of_config.get(experiment, 0)

    for made in active:
        name = made.target.experiment
        if made.kind == "place":
            places.setdefault(name, []).append(made)
        elif made.kind == "withdraw":
            gone = made.value["decision"]
            places[name] = [place for place in places.get(name, []) if place.number != gone]
        elif made.target.names_frame and made.number not in withdrawn:
            number = made.value["decision"] if made.kind == "confirm" else made.number
            from_config = made.value.get("from") == "config"
            at = of_config.get(name, 0) if from_config else first_frame(name)
            made_at.setdefault(number, set()).add(at)
            experiment_of[number] = name
    return {
        number
        for number, frames in made_at.items()
        if first_frame(experiment_of[number]) not in frames
    }
