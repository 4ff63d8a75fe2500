"""The grid of channels: experiments across, opened or not, slots down."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape
from time import perf_counter
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.plugin.channels.cell import ChannelCell
from lineage_triplets.plugin.common.reason import who_and_when
from lineage_triplets.plugin.common.views import empty_layout, words_label
from lineage_triplets.plugin.common.work import soon
from lineage_triplets.qc.decide.channels import channel_names_in_store
from lineage_triplets.qc.find.settings.channel_names import names_unlike

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.qc.decide.channels import Approval
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.channels import ChannelInspection

_LEAST_WIDTH = 140
_LETTERS_WIDE = 20
_SPACE = 6
_AT_ONCE_S = 0.03


@dataclass(frozen=True)
class ExperimentChannels:
    """One experiment's channels and slots.

    Attributes
    ----------
    name : str
    channels : tuple of str
        All channels of its store in order; empty if it cannot be read.
    slots : tuple of str
        Channel of each slot.
    problem : str
        Why it could not be opened; empty if it could.
    unlike : tuple of str
        Of each slot how its channel's name differs from the other experiments'; empty where not.
    """

    name: str
    channels: tuple[str, ...]
    slots: tuple[str, ...]
    problem: str = ""
    unlike: tuple[str, ...] = ()

    def with_slots(self, slots: tuple[str, ...]) -> ExperimentChannels:
        """Give the experiment with other channels in its slots, before anything is compared."""
        return replace(self, slots=slots, unlike=())


def experiment_channels(review: Review) -> tuple[ExperimentChannels, ...]:
    """List all experiments of a config; reads stores of those that could not be opened."""
    opened = {experiment.config.name: experiment for experiment in review.data.opened}
    problems: dict[str, list[str]] = {}
    for problem in review.data.open_problems:
        problems.setdefault(problem.experiment, []).append(
            " ".join(part for part in (problem.message, problem.remedy) if part)
        )
    unlike = names_unlike(review.data.raw)
    listed = []
    for config in review.data.experiments:
        slots = tuple(config.source_channel)
        if config.name in opened:
            names = tuple(opened[config.name].channel_names)
            words = tuple(unlike.get((config.name, slot), "") for slot in range(len(slots)))
            listed.append(ExperimentChannels(config.name, names, slots, unlike=words))
            continue
        try:
            names = tuple(channel_names_in_store(config))
        except (LineageTripletsError, OSError):
            names = ()
        why = problems.get(config.name) or problems.get("") or ["It could not be opened."]
        listed.append(ExperimentChannels(config.name, names, slots, " ".join(why)))
    return tuple(listed)


def approvals(review: Review) -> dict[str, Approval]:
    """Look up the approval of every experiment that could be opened; reads some pixels."""
    return {
        experiment.config.name: review.approval(experiment.config.name)
        for experiment in review.data.opened
    }


class ChannelHead(QFrame):
    """One experiment.

    Attributes
    ----------
    approval_wanted : Signal(str, bool)
        Gets the experiment, and whether its channels shall be approved, or no longer.
    """

    approval_wanted = Signal(str, bool)

    def __init__(self, experiment: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._experiment = experiment
        self._approve = True
        self.setObjectName(f"head_{experiment}")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        name = QLabel(f"<b>{escape(experiment)}</b>", self)
        name.setWordWrap(True)
        self._state = words_label(f"approval_{experiment}", self)
        self._state.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._state.setTextFormat(Qt.TextFormat.PlainText)
        self._advice = words_label(f"advice_{experiment}", self)
        self._advice.setTextFormat(Qt.TextFormat.PlainText)
        self._advice.hide()
        self._button = QPushButton("Approve", self)
        self._button.setObjectName(f"approve_{experiment}")
        self._button.clicked.connect(self._press)
        top = QHBoxLayout()
        top.addWidget(name, 1)
        top.addWidget(self._button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self._state)
        layout.addWidget(self._advice)
        layout.addStretch(1)

    def show_problem(self, words: str) -> None:
        """Say why the experiment could not be opened."""
        self._state.setText(f"✕ Not opened: {words}")
        self._button.setEnabled(False)
        self._button.setToolTip("Only what can be opened is approved")
        self._advice.hide()

    def show_approval(self, approval: Approval | None, *, advice: str, why_not: str) -> None:
        """Say whether the channels are approved.

        Parameters
        ----------
        approval : Approval or None
            None while that is being looked at.
        advice : str
            What to know before they are approved.
        why_not : str
            Why nothing can be decided; empty if it can.
        """
        self._approve = approval is None or not approval.holds
        self._button.setText("Approve" if self._approve else "Disapprove")
        self._button.setEnabled(not why_not and approval is not None)
        name = self._experiment
        self._button.setToolTip(
            why_not
            or (
                f"The channels of {name} are right, for the images as they are"
                if self._approve
                else f"Take the approval of {name} back"
            )
        )
        self._state.setText("…" if approval is None else approval_words(approval))
        self._advice.setText(f"? {advice}")
        self._advice.setVisible(bool(advice) and self._approve)

    def show_working(self) -> None:
        """Say that the approval is under way."""
        self._state.setText("Reading the images to approve…")
        self._button.setEnabled(False)

    def _press(self) -> None:
        self.approval_wanted.emit(self._experiment, self._approve)


def approval_words(approval: Approval) -> str:
    """Say whether channels are approved, by whom and when, or why an approval fell."""
    made = approval.decision
    if made is None:
        return f"○ Not approved: {approval.why_not}"
    if approval.holds:
        return f"✓ Approved {who_and_when(made)}"
    return f"✕ Approved {who_and_when(made)}, but that no longer holds: {approval.why_not}"


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
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        inside = QWidget(self)
        self._grid = QGridLayout(inside)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_SPACE)
        self.setWidget(inside)
        self._columns: dict[str, _Column] = {}
        self._shown: _Shown | None = None
        self._left: list[int] = []

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
        empty_layout(self._grid)
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
        names = [experiment.name for experiment in experiments]
        if list(self._columns) != names[: len(self._columns)]:
            self.clear()
        shown = _Shown(
            tuple(experiments), tuple(slot_labels), inspection, dict(approvals), note, why_not
        )
        if shown == self._shown:
            return
        self._shown = shown
        self._left = list(range(len(experiments)))
        self._show_some()

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

    def _show_some(self) -> None:
        """Show columns for a moment, the others soon: many do not hold up the window."""
        until = perf_counter() + _AT_ONCE_S
        while self._left and perf_counter() < until:
            self._show_next()
        if self._left:
            soon(self, self._show_some)

    def _show_next(self) -> None:
        shown = self._shown
        if shown is None:
            return
        number = self._left.pop(0)
        experiment = shown.experiments[number]
        column = self._columns.get(experiment.name)
        if column is None:
            column = self._columns[experiment.name] = _Column(
                ChannelHead(experiment.name, self.widget())
            )
            column.head.approval_wanted.connect(self.approval_wanted)
            self._grid.addWidget(column.head, 0, number)
            self._grid.setColumnMinimumWidth(number, self.column_width)
            self._grid.setColumnStretch(number, 1)
        if experiment.problem:
            column.head.show_problem(experiment.problem)
        else:
            advice = "" if shown.inspection is None else shown.inspection.advice(experiment.name)
            column.head.show_approval(
                shown.approvals.get(experiment.name), advice=advice, why_not=shown.why_not
            )
        self._show_slots(number, experiment, column, shown)
        self._show_unused(number, experiment, column, shown)
        # What is left of the height goes below everything.
        last = self._grid.rowCount()
        for row in range(last):
            self._grid.setRowStretch(row, 0)
        self._grid.setRowStretch(last, 1)

    def _show_slots(
        self, number: int, experiment: ExperimentChannels, column: _Column, shown: _Shown
    ) -> None:
        while len(column.slots) < len(experiment.slots):
            cell = ChannelCell(experiment.name, len(column.slots), self.widget())
            cell.picked.connect(self.picked)
            self._grid.addWidget(cell, 1 + len(column.slots), number)
            column.slots.append(cell)
        for slot, (cell, channel) in enumerate(zip(column.slots, experiment.slots, strict=False)):
            label = shown.slot_labels[slot] if slot < len(shown.slot_labels) else channel
            cell.show_slot(
                label,
                experiment.channels,
                channel,
                shown.inspection if not experiment.problem else None,
                note=shown.note if not experiment.problem else "not opened",
                why_not=shown.why_not
                or ("" if experiment.channels else "The store cannot be read"),
                unlike=experiment.unlike[slot] if slot < len(experiment.unlike) else "",
            )

    def _show_unused(
        self, number: int, experiment: ExperimentChannels, column: _Column, shown: _Shown
    ) -> None:
        inspection, unused = shown.inspection, []
        if (
            inspection is not None
            and experiment.name in inspection.channel_maps
            and not experiment.problem
        ):
            used = inspection.channel_maps[experiment.name].values()
            names = inspection.channel_names[experiment.name]
            unused = [channel for channel in range(len(names)) if channel not in used]
        below = 1 + max(len(other.slots) for other in shown.experiments)
        while len(column.unused) < len(unused):
            cell = ChannelCell(experiment.name, None, self.widget())
            self._grid.addWidget(cell, below + len(column.unused), number)
            column.unused.append(cell)
        for place, cell in enumerate(column.unused):
            cell.setVisible(place < len(unused))
            if inspection is not None and place < len(unused):
                cell.show_unused(inspection, unused[place])
