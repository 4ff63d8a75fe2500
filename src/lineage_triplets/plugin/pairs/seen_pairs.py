"""Pairs across a division that were on screen: counted, recorded once it is enough, and said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QWidget

from lineage_triplets.qc.decide.seen import ENOUGH_PAIRS, PaintedPairs, why_not_seen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.look.pair_list import PairList
    from lineage_triplets.qc.record import Decision


class SeenPairs(QLabel):
    """Says how many pairs across a division were seen of each experiment.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pairs_seen")
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setToolTip(
            "Pairs across a division that were on screen with this tau, relation and these "
            "channels; a validated config asks for some of each experiment. This is recorded by "
            "itself, and undo passes it over."
        )
        self._session = session
        self._painted = PaintedPairs()
        self._there_are: Mapping[str, int] = {}

    def start_over(self) -> None:
        """Count for another config."""
        self._painted = PaintedPairs()
        self._there_are = {}

    def set_there_are(self, there_are: Mapping[str, int]) -> None:
        """Say how many pairs across a division can be shown of each experiment."""
        self._there_are = there_are

    def paint_pairs(self, pairs: PairList, numbers: Sequence[int]) -> None:
        """Count some pairs that were on screen."""
        review = self._session.review
        if review is not None:
            self._painted.paint(review.data, pairs, numbers)

    def record(self) -> None:
        """Record once what was on screen, as soon as it is enough."""
        review = self._session.review
        if review is None:
            return
        if not review.log.read_only:
            due = self._painted.due(review.data, self._there_are)
            for experiment, n_pairs in due.items():
                self._session.decide(_saw(experiment, n_pairs))
        self.say()

    def say(self) -> None:
        """Say how far it is."""
        review = self._session.review
        if review is None:
            return
        data = review.data
        words = []
        for one in data.registry.experiments:
            if not why_not_seen(data, one.name):
                n_pairs = data.effect.seen[one.name].value["n_pairs"]
                words.append(f"✓ {n_pairs} pairs ({one.name})")
            else:
                count = self._painted.count(data, one.name)
                of = min(ENOUGH_PAIRS, self._there_are.get(one.name, ENOUGH_PAIRS))
                if of:
                    words.append(f"{count} of {of} ({one.name})")
        self.setText("Seen across a division: " + "; ".join(words) if words else "")


def _saw(experiment: str, n_pairs: int) -> Callable[[Review], Decision]:
    return lambda review: review.saw(experiment, n_pairs, how="painted")
