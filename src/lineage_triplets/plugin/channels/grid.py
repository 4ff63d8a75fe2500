"""Slots down, experiments across, scrolled both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QTimer, Signal
from qtpy.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget

from lineage_triplets.plugin.channels.cell import ChannelCell
from lineage_triplets.plugin.channels.head import ChannelHead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.plugin.channels.model import ExperimentChannels
    from lineage_triplets.qc.decide.channels import Approval
    from lineage_triplets.qc.find.channels import ChannelInspection

_LEAST_WIDTH = 140
_LETTERS_WIDE = 20
_SPACE = 6
_AT_ONCE_S = 0.03


@dataclass(frozen=True, eq=False)
class _Column:
    """The widgets of one experiment."""

    head: ChannelHead
    slots: list[ChannelCell] = field(default_factory=list)
    unused: list[ChannelCell] = field(default_factory=list)


@dataclass(frozen=True)
class _Shown:
    """What `ChannelGrid.show_experiments` was given."""

    experiments: tuple[ExperimentChannels, ...]
    slot_labels: tuple[str, ...]
    inspection: ChannelInspection | None
    approvals: dict[str, Approval]
    note: str
    why_not: str


class ChannelGrid(QScrollArea):
    """Cells of all slots of all experiments, and of the channels that are in no slot.

    Attributes
    ----------
    picked : Signal(str, int, str)
        Gets experiment, slot, and the channel that a person chooses for it.
    approval_wanted : Signal(str, bool)
        Gets the experiment, and whether its channels shall be approved, or no longer.
    """

    picked = Signal(str, int, str)
    approval_wanted = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("channel_grid")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        inside = QWidget(self)
        self._grid = QGridLayout(inside)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_SPACE)
        self.setWidget(inside)
        self._columns: dict[str, _Column] = {}
        self._shown: _Shown | None = None
        self._left: list[int] = []
        # What takes longer, a column at a time, so that many experiments do not hold up the window.
        self._next = QTimer(self)
        self._next.setInterval(0)
        self._next.timeout.connect(self._show_next)

    @property
    def column_width(self) -> int:
        """Least width of an experiment's column in this font."""
        return max(_LEAST_WIDTH, _LETTERS_WIDE * self.fontMetrics().averageCharWidth())

    @property
    def is_filling(self) -> bool:
        """Whether columns are still to be shown."""
        return bool(self._left)

    def clear(self) -> None:
        """Show nothing."""
        self._next.stop()
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number in range(self._grid.columnCount()):
            self._grid.setColumnMinimumWidth(number, 0)
            self._grid.setColumnStretch(number, 0)
        self._columns, self._shown, self._left = {}, None, []

    def show_experiments(
        self,
        experiments: Sequence[ExperimentChannels],
        slot_labels: Sequence[str],
        inspection: ChannelInspection | None,
        approvals: Mapping[str, Approval],
        *,
        note: str,
        why_not: str,
    ) -> None:
        """Show what is in each slot.

        Parameters
        ----------
        experiments : sequence of ExperimentChannels
        slot_labels : sequence of str
        inspection : ChannelInspection or None
        approvals : mapping of str to Approval
            Of the experiments that were looked up already.
        note : str
            Said where a slot was not looked at.
        why_not : str
            Why nothing can be decided; empty if it can.
        """
        names = [one.name for one in experiments]
        if list(self._columns) != names[: len(self._columns)]:
            self.clear()
        shown = _Shown(
            tuple(experiments), tuple(slot_labels), inspection, dict(approvals), note, why_not
        )
        if shown == self._shown:
            return
        self._shown = shown
        self._left = list(range(len(experiments)))
        until = perf_counter() + _AT_ONCE_S
        while self._left and perf_counter() < until:
            self._show_next()
        if self._left:
            self._next.start()

    def show_working(self, experiment: str) -> None:
        """Say that an experiment is being approved."""
        if experiment in self._columns:
            self._columns[experiment].head.show_working()
            self._shown = None

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Fit the columns to another font."""
        super().changeEvent(event)
        if event.type() in {QEvent.Type.FontChange, QEvent.Type.StyleChange}:
            for number in range(len(self._columns)):
                self._grid.setColumnMinimumWidth(number, self.column_width)

    def _show_next(self) -> None:
        shown = self._shown
        if shown is None or not self._left:
            self._next.stop()
            return
        number = self._left.pop(0)
        one = shown.experiments[number]
        column = self._columns.get(one.name)
        if column is None:
            column = self._columns[one.name] = _Column(ChannelHead(one.name, self.widget()))
            column.head.approval_wanted.connect(self.approval_wanted)
            self._grid.addWidget(column.head, 0, number)
            self._grid.setColumnMinimumWidth(number, self.column_width)
            self._grid.setColumnStretch(number, 1)
        if one.problem:
            column.head.show_problem(one.problem)
        else:
            column.head.show_approval(shown.approvals.get(one.name), why_not=shown.why_not)
        self._show_slots(number, one, column, shown)
        self._show_unused(number, one, column, shown)
        # What is left of the height goes below everything.
        last = self._grid.rowCount()
        for row in range(last):
            self._grid.setRowStretch(row, 0)
        self._grid.setRowStretch(last, 1)

    def _show_slots(
        self, number: int, one: ExperimentChannels, column: _Column, shown: _Shown
    ) -> None:
        while len(column.slots) < len(one.slots):
            cell = ChannelCell(one.name, len(column.slots), self.widget())
            cell.picked.connect(self.picked)
            self._grid.addWidget(cell, 1 + len(column.slots), number)
            column.slots.append(cell)
        for slot, (cell, channel) in enumerate(zip(column.slots, one.slots, strict=False)):
            label = shown.slot_labels[slot] if slot < len(shown.slot_labels) else channel
            cell.show_slot(
                label,
                one.channels,
                channel,
                shown.inspection if not one.problem else None,
                note=shown.note if not one.problem else "not opened",
                why_not=shown.why_not or ("" if one.channels else "The store cannot be read"),
                unlike=one.unlike[slot] if slot < len(one.unlike) else "",
            )

    def _show_unused(
        self, number: int, one: ExperimentChannels, column: _Column, shown: _Shown
    ) -> None:
        inspection, unused = shown.inspection, []
        if inspection is not None and one.name in inspection.channel_maps and not one.problem:
            used = inspection.channel_maps[one.name].values()
            names = inspection.channel_names[one.name]
            unused = [channel for channel in range(len(names)) if channel not in used]
        below = 1 + max(len(other.slots) for other in shown.experiments)
        while len(column.unused) < len(unused):
            cell = ChannelCell(one.name, None, self.widget())
            self._grid.addWidget(cell, below + len(column.unused), number)
            column.unused.append(cell)
        for place, cell in enumerate(column.unused):
            cell.setVisible(place < len(unused))
            if inspection is not None and place < len(unused):
                cell.show_unused(inspection, unused[place])
