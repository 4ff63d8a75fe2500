"""The pairs of the gallery as a Qt model, what was said of them, and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt

from lineage_triplets.engine.index.names import word_within
from lineage_triplets.qc.look.shown_pixels import ShownPairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtWidgets import QWidget

    from lineage_triplets.qc.audit.answers import Judgement
    from lineage_triplets.qc.look.pairs import PairList

PAIR_ROLE = Qt.ItemDataRole.UserRole
VERDICT_MARKS = {"same": "✓ same", "wrong": "✕ wrong", "cannot tell": "? cannot tell"}


class PairModel(QAbstractListModel):
    """The pairs of a list; `PAIR_ROLE` gives a pair's number in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pairs: PairList | None = None
        self.shown = ShownPairs()
        self.verdicts: Mapping[int, Judgement] = {}

    def set_pairs(self, pairs: PairList | None, shown: ShownPairs | None = None) -> None:
        """Show another list of pairs, with what was read of them already."""
        self.beginResetModel()
        self.pairs = pairs
        self.shown = shown or ShownPairs()
        self.verdicts = {}
        self.endResetModel()

    def set_verdicts(self, verdicts: Mapping[int, Judgement]) -> None:
        """Show what somebody said of pairs, by their numbers."""
        changed = {*self.verdicts.items()} ^ {*verdicts.items()}
        self.verdicts = dict(verdicts)
        for number in {number for number, _ in changed if number < self.rowCount()}:
            self.dataChanged.emit(self.index(number), self.index(number))

    def next_open(self, after: int = -1) -> int | None:
        """Give the next pair of which nothing was said, from the start after the last."""
        left = [number for number in range(self.rowCount()) if number not in self.verdicts]
        return next((number for number in left if number > after), left[0] if left else None)

    def ahead(self, number: int, most: int) -> list[int]:
        """Give a pair and those that will follow of which nothing was said, `most` in all."""
        later = [k for k in range(number + 1, self.rowCount()) if k not in self.verdicts]
        return [number, *later[: most - 1]]

    def replace_pairs(self, pairs: PairList) -> None:
        """Take a list of the very same pairs; what was read of them stays."""
        self.pairs = pairs

    def forget_damage(self, number: int) -> None:
        """Let a pair that could not be read be read again."""
        if number in self.shown.damage:
            self.set_shown(self.shown.without_damage(number))

    def set_shown(self, shown: ShownPairs) -> None:
        """Show what has been read."""
        self.shown = shown
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Give the number of pairs."""
        inside = parent is not None and parent.isValid()
        return 0 if self.pairs is None or inside else len(self.pairs)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give a pair in words, or its number."""
        if self.pairs is None or not index.isValid():
            return None
        number = index.row()
        if role == PAIR_ROLE:
            return number
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            said = [f"judged {self.verdicts[number]}"] if number in self.verdicts else []
            return "; ".join([*pair_words(self.pairs, number), *said])
        if role == Qt.ItemDataRole.ToolTipRole:
            damage = [self.shown.damage[number]] if number in self.shown.damage else []
            share = self.pairs.probability[number]
            chance = f"drawn for this anchor with a probability of {share:.2g}"
            return "\n".join([*pair_words(self.pairs, number), chance, *damage])
        return None


def pair_words(pairs: PairList, number: int) -> list[str]:
    """Say what a pair is."""
    anchor, positive = pairs.anchors[number], pairs.positives[number]
    frames = positive["tau_frames"]
    later = f"{hours_words(positive['tau_hours'])} ({frames} frame{'s' * (frames != 1)}) later"
    return [
        f"{positive['relation']}, {later}",
        f"{anchor['experiment']}, {anchor['fov_name']}",
        f"anchor: track {track_word(anchor)}, frame {anchor['t']}",
        f"positive: track {track_word(positive)}, frame {positive['t']}",
    ]


def hours_words(hours: float) -> str:
    """Give hours with at most two decimals."""
    return f"{round(hours, 2):g} h"


def track_word(meta: dict[str, Any]) -> str:
    """Give a track's number within its FOV, with ``@t`` after a cut."""
    return word_within(meta["global_track_id"], meta["experiment"], meta["fov_name"])
