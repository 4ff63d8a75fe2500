"""The simulated sample with its planted faults, reviewed in a real napari window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import napari

from lineage_triplets.plugin.demo.hand import Hand
from lineage_triplets.plugin.demo.walk import Walk
from lineage_triplets.plugin.docking import review_widget

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.plugin.widget import ReviewWidget

WINDOW_SIZE = (1600, 950)
_EXPERIMENTS = ("fast", "reporter", "slow")


def open_window(config: Path, **options: object) -> tuple[napari.Viewer, ReviewWidget]:
    """Open napari with a config under review.

    Parameters
    ----------
    config : Path
    **options
        Of `lineage_triplets.qc.decide.review.Review.open`.
    """
    viewer = napari.Viewer(show=False)
    viewer.show()
    # Napari comes back in the size of last time.
    viewer.window.resize(*WINDOW_SIZE)
    widget = review_widget(viewer)
    widget.start_opening(config, **options)
    return viewer, widget


def show_config(config: Path) -> None:
    """Open a config for a person, and return when the window is closed."""
    open_window(config)
    napari.run()


def walk_through_sample(config: Path, pictures: Path) -> tuple[list[Path], Path]:
    """Review the sample by mouse and keys, from faults to a validated export.

    Parameters
    ----------
    config : Path
        Of the sample with its faults.
    pictures : Path
        Folder for screenshots, decisions and the export; it must be empty or missing.

    Returns
    -------
    pictures : list of Path
        In the order of the walk.
    config : Path
        What was exported.

    Raises
    ------
    NotThereError
        The widget does not show what it should.
    """
    pictures.mkdir(parents=True, exist_ok=True)
    viewer, widget = open_window(config, decisions=pictures / "decisions.db", by="ada")
    try:
        hand = Hand(viewer, widget, pictures)
        walk = Walk(hand)
        hand.until(lambda: widget.session.review is not None, "the sample is open")
        hand.idle()
        hand.click("has_divisions")
        lineages = walk.lineages()
        walk.look_around(lineages[0])
        walk.compare_channels()
        walk.remap("slow", ("H2B-GFP", "Phase"))
        walk.approve(_EXPERIMENTS)
        walk.settle_problems(scan=True)
        walk.reject(lineages[1], "debris beside the cell")
        walk.see_divisions(_EXPERIMENTS)
        walk.export(pictures / "validated")
        return hand.taken, pictures / "validated" / "validated.yaml"
    finally:
        viewer.close()
