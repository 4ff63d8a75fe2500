"""The cells of a strip as a table: a row a lane, a column a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

from lineage_triplets.engine.index.names import word_within
from lineage_triplets.plugin.common.session import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from lineage_triplets.qc.find.doubt.way import WayLink
    from lineage_triplets.qc.look.roles import Role
    from lineage_triplets.qc.look.shown_pixels import ShownStrip
    from lineage_triplets.qc.look.strip import Strip

STATE_ROLE = Qt.ItemDataRole.UserRole
LINK_ROLE = Qt.ItemDataRole.UserRole + 1
LEAST_DOUBT = 0.02
"""Links that are doubted less are not marked."""
_MOST_MARKED = 6


@dataclass(frozen=True)
class StripCell:
    """What is known of one lane at one frame.

    Attributes
    ----------
    state : {"cell", "unread", "damaged", "absent", "unborn"}
        With a picture; not read yet; cannot be read; no cell there; before the lane's first cell.
    words : str
    """

    state: str
    words: str


class StripModel(QAbstractTableModel):
    """Lanes down, frames across; `STATE_ROLE` gives a `StripCell`.

    `LINK_ROLE` gives the `WayLink` that leads to a cell, where the pair rests on it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.strip: Strip | None = None
        self.places: list[int] = []
        self.shown: ShownStrip | None = None
        self.way: list[WayLink] = []
        self._link_at: dict[tuple[int, int], WayLink] = {}

    def set_strip(self, strip: Strip | None, way: Sequence[WayLink] = ()) -> None:
        """Show another strip, not read yet, and the links that the pair rests on."""
        self.beginResetModel()
        self.strip, self.shown, self.way = strip, None, list(way)
        worst = sorted(self.doubted(), key=lambda link: -link.doubt)[:_MOST_MARKED]
        also = [link.place for link in worst]
        self.places = [] if strip is None else strip.thinned(also=also).tolist()
        self._link_at = {(link.lane, link.place): link for link in self.way}
        self.endResetModel()

    def doubted(self) -> list[WayLink]:
        """Give the links that are marked, in the order of the way."""
        return [link for link in self.way if link.doubt >= LEAST_DOUBT]

    def link_at(self, lane: int, column: int) -> WayLink | None:
        """Give the link that leads to a cell; None where the pair rests on none."""
        return self._link_at.get((lane, self.places[column])) if column >= 0 else None

    def index_of(self, link: WayLink) -> QModelIndex:
        """Give where a link leads to."""
        return self.index(link.lane, self.places.index(link.place))

    def set_shown(self, shown: ShownStrip) -> None:
        """Show what was read of it."""
        self.shown = shown
        if self.rowCount():
            last = self.index(self.rowCount() - 1, self.columnCount() - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Give the number of lanes."""
        inside = parent is not None and parent.isValid()
        return 0 if self.strip is None or inside else len(self.strip.lanes)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Give the number of frames that are shown."""
        return 0 if parent is not None and parent.isValid() else len(self.places)

    def divides_before(self, column: int) -> bool:
        """Whether the cell divided between this frame and the one before."""
        strip = self.strip
        return strip is not None and int(strip.frames[self.places[column]]) in strip.divisions

    def role(self, lane: int, column: int) -> Role | None:
        """Give the role of a lane's cell at a frame; None for the pair's cell between its ends."""
        strip = self.strip
        if strip is None:
            return None
        name, number = strip.lanes[lane].name, self.places[column]
        if name == "sister":
            return "sister"
        if number == strip.anchor_place and strip.lanes[lane].rows[number] == self._anchor_row:
            return "anchor"
        return "positive" if name == "positive" and number == len(strip.frames) - 1 else None

    @property
    def _anchor_row(self) -> int:
        """Row of the anchor's cell: its own line has it, where that is another."""
        strip = self.strip
        if strip is None:
            return -1
        lanes = {lane.name: lane for lane in strip.lanes}
        return int(lanes.get("anchor", lanes["positive"]).rows[strip.anchor_place])

    def place(self, lane: int, column: int) -> Place | None:
        """Give where the viewer shall look for one frame of a lane; of no cell, its frame."""
        strip = self.strip
        if strip is None:
            return None
        number = self.places[column]
        track = _word(strip, strip.lanes[lane].track_ids[number])
        z, y, x = strip.positions(lane)[number] or (None, None, None)
        return Place(
            strip.experiment,
            strip.fov,
            int(strip.frames[number]),
            y,
            x,
            z,
            (track,) if track else (),
        )

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give what a frame of a lane is, and that in words."""
        if self.strip is None or not index.isValid():
            return None
        if role == STATE_ROLE:
            return self._cell(index.row(), index.column())
        link = self.link_at(index.row(), index.column())
        if role == LINK_ROLE:
            return link
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            words = self._cell(index.row(), index.column()).words
            doubt = (
                f"\nlink into it: doubt {100 * link.doubt:.0f} %" if link and link.doubted else ""
            )
            return f"{words}{doubt}"
        return None

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Give frames and hours, or the lane's name and track."""
        strip = self.strip
        if strip is None or role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Horizontal:
            number = self.places[section]
            mark = "÷ " if self.divides_before(section) else ""
            said = round(float(strip.hours[number]), 2)
            hours = f"{'+' if said >= 0 else chr(0x2212)}{abs(said):g} h"
            named = {
                0: "cell of both",
                strip.anchor_place: "anchor",
                len(strip.frames) - 1: "positive",
            }
            return f"{mark}t {strip.frames[number]}\n{named.get(number, hours)}"
        return lane_words(strip, section)

    def _cell(self, lane: int, column: int) -> StripCell:
        strip = self.strip
        if strip is None:
            return StripCell("absent", "")
        number = self.places[column]
        rows = strip.lanes[lane].rows
        where = f"frame {strip.frames[number]}"
        if rows[number] < 0:
            if not (rows[: number + 1] >= 0).any():
                return StripCell("unborn", f"{where}: not yet there")
            return StripCell("absent", f"{where}: no cell in the track table")
        words = f"{where}: track {_word(strip, strip.lanes[lane].track_ids[number])}"
        if self.shown is None:
            return StripCell("unread", words)
        picture = self.shown.lanes[lane][column]
        if isinstance(picture, str):
            return StripCell("damaged", f"{words}; cannot be read: {picture}")
        return StripCell("cell", words)


def _word(strip: Strip, track_id: str) -> str:
    return word_within(track_id, strip.experiment, strip.fov)


def lane_words(strip: Strip, lane: int) -> str:
    """Say what a lane is: its role, and its tracks."""
    shown_lane = strip.lanes[lane]
    tracks = list(dict.fromkeys(_word(strip, name) for name in shown_lane.track_ids if name))
    role = {"positive": "to the positive", "anchor": "anchor's cell", "sister": "sister"}[
        shown_lane.name
    ]
    return f"{role}\n{' → '.join(tracks)}"
