"""The checklist before an export: what is settled, what is open, and where that is settled."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from lineage_triplets.engine.errors import counted
from lineage_triplets.plugin.common.patch_image import legible
from lineage_triplets.plugin.common.views import empty_layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from lineage_triplets.qc.export.plan import ExportPlan
    from lineage_triplets.qc.gate import GatePoint, PointKind

PANELS: dict[PointKind, str] = {
    "loading": "Problems",
    "placement": "Problems",
    "error": "Problems",
    "channels": "Channels",
    "images": "Problems",
    "divisions": "Audit",
    "audit": "Audit",
    "stale": "Browse",
    "anchors": "Pairs",
    "settings": "Pairs",
}
"""The panel in which each kind of point is settled."""
_HEADINGS: dict[PointKind, str] = {
    "loading": "All data load",
    "placement": "Tables lie on their images",
    "error": "Errors settled or waived",
    "channels": "Channels approved",
    "images": "Images scanned",
    "divisions": "Pairs across divisions judged",
    "audit": "Share of wrong pairs bounded",
    "stale": "Decisions fit their tables",
    "anchors": "Anchors left",
    "settings": "Settings that training can draw with",
}

_EACH_EXPERIMENT = frozenset({"placement", "channels", "images", "divisions", "audit"})
_COST = {
    "observations": "cells",
    "valid_anchors": "anchors",
    "lineages": "lineages",
    "divisions": "divisions",
}
_SETTLED, _OPEN = ("✔", QColor(0, 158, 115)), ("●", QColor(213, 130, 40))
_MOST_LINES = 12
"""Of each kind: a person settles some, and sees the next."""


@dataclass(frozen=True)
class OpenLine:
    """One thing to do, for all points of one kind in one experiment.

    Attributes
    ----------
    kind : str
        As `GatePoint`.
    experiment : str
    sentence, remedy : str
    panel : str
        Where it is settled.
    finding_key : str
        The first finding of an error, or that tables do not lie on their images.
    decisions : tuple of int
        Stale decisions.
    count : int
        How many points there are.
    """

    kind: PointKind
    experiment: str
    sentence: str
    remedy: str
    panel: str
    finding_key: str = ""
    decisions: tuple[int, ...] = ()
    count: int = 1


@dataclass(frozen=True)
class Group:
    """All points of one kind.

    Attributes
    ----------
    kind : str
    heading : str
    n_settled, n_points : int
    lines : tuple of OpenLine
        What is to do; empty if all is settled.
    known : tuple of (str, str)
        Experiments, and what is known of each: bounds, and reasons for which less was asked.
    """

    kind: PointKind
    heading: str
    n_settled: int
    n_points: int
    lines: tuple[OpenLine, ...]
    known: tuple[tuple[str, str], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all of it is settled."""
        return not self.lines

    @property
    def remedy(self) -> str:
        """What settles all of it alike; empty if that differs."""
        remedies = {line.remedy for line in self.lines}
        return remedies.pop() if len(self.lines) > 1 and len(remedies) == 1 else ""

    @property
    def decisions(self) -> tuple[int, ...]:
        """All its stale decisions."""
        return tuple(number for line in self.lines for number in line.decisions)

    @property
    def words(self) -> str:
        """The heading, with how far it is where there are several points."""
        if self.kind in _EACH_EXPERIMENT and self.n_points > 1:
            return f"{self.heading} ({self.n_settled} of {self.n_points})"
        return self.heading


def checklist(points: Sequence[GatePoint]) -> list[Group]:
    """Sort what the gate asks for by kind, in the order in which one would settle it."""
    groups = []
    for kind, heading in _HEADINGS.items():
        own = [point for point in points if point.kind == kind]
        if own:
            still = [point for point in own if not point.passed]
            lines = tuple(_lines(still))
            known = tuple(
                (point.experiment, point.sentence)
                for point in own
                if point.passed and _is_said(point)
            )
            groups.append(Group(kind, heading, len(own) - len(still), len(own), lines, known))
    return groups


def _is_said(point: GatePoint) -> bool:
    """Whether a settled point says more than that it is settled: a bound, a reason, a doubt."""
    reason = point.kind == "images" and "not scanned" in point.sentence
    return reason or point.kind in {"placement", "audit"}


def _lines(points: Sequence[GatePoint]) -> list[OpenLine]:
    alike: dict[tuple[str, str], list[GatePoint]] = {}
    for point in points:
        # Stale decisions are confirmed or taken back one by one.
        what = str(point.decision) if point.decision else point.finding_key.partition(":")[0]
        alike.setdefault((point.experiment, what), []).append(point)
    lines = []
    for (experiment, _), own in alike.items():
        first = own[0]
        more = f" And {len(own) - 1} more like this." if len(own) > 1 else ""
        numbers = tuple(point.decision for point in own if point.decision)
        lines.append(
            OpenLine(
                first.kind,
                experiment,
                first.sentence + more,
                first.remedy,
                PANELS[first.kind],
                first.finding_key,
                numbers,
                len(own),
            )
        )
    return lines


def verdict_words(points: Sequence[GatePoint]) -> str:
    """Say in one sentence whether the gate is open."""
    still = sum(not point.passed for point in points)
    if not still:
        return "Everything is settled: what is exported is validated."
    return f"{counted(still, 'point')} to settle before a validated export."


def cost_words(plan: ExportPlan) -> str:
    """Say in one sentence what is left out, and what that costs in anchors."""
    before = int(plan.cost["valid_anchors_before"].sum())
    after = int(plan.cost["valid_anchors_after"].sum())
    verbs = [what.split(" ", 1)[0] for what in plan.excluded["what"].tolist()]
    nouns = {"reject": "rejection", "cut": "cut"} | ({"link": "link"} if "link" in verbs else {})
    *first, last = (counted(verbs.count(verb), noun) for verb, noun in nouns.items())
    made = f"{', '.join(first)} and {last}"
    if plan.excluded.empty and not plan.only_accepted:
        return f"Nothing is left out: {before:,} anchors."
    if plan.only_accepted:
        made += ", and whatever nobody accepted"
    if before == after:
        return f"{made}; {before:,} anchors as before."
    # Links that somebody made give anchors: there may be more than the tables had.
    return f"{made}; {after:,} anchors, {before:,} before ({after / max(before, 1):.1%})."


def change_words(before: int, after: int) -> str:
    """Write two counts as one cell of a table."""
    if before == after:
        return f"{before:,}"
    share = f"{(after - before) / max(before, 1):+.1%}".replace("-", "−")  # noqa: RUF001
    return f"{before:,} → {after:,} ({share})"


def left_out_table(plan: ExportPlan) -> pd.DataFrame:
    """Give what is left out as words, the last decision first."""
    table = plan.excluded.iloc[::-1]
    at = table["at"].astype(str).str.slice(0, 16).str.replace("T", " ")
    return table.assign(at=at)


def cost_cells(plan: ExportPlan) -> pd.DataFrame:
    """Give the cost of each experiment as words: cells, anchors, lineages and divisions."""
    table = plan.cost[["experiment"]].copy()
    for name, heading in _COST.items():
        counts = zip(plan.cost[f"{name}_before"], plan.cost[f"{name}_after"], strict=True)
        table[heading] = [change_words(int(before), int(after)) for before, after in counts]
    return table


def training_lines(config: str) -> str:
    """Give the three lines of Python that train on an export."""
    return (
        "import torch, lineage_triplets\n"
        f"dataset = lineage_triplets.MultiExperimentTripletDataset.from_config({config!r})\n"
        "loader = torch.utils.data.DataLoader(dataset, batch_size=64, shuffle=True)\n"
    )


class ChecklistView(QWidget):
    """Shows the groups of a checklist.

    Attributes
    ----------
    go_wanted : Signal(object)
        Gets the `OpenLine` that a person wants to settle.
    confirm_wanted, take_back_wanted : Signal(object)
        Gets the numbers of the stale decisions that they keep, or take back.
    """

    go_wanted = Signal(object)
    confirm_wanted = Signal(object)
    take_back_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("checklist")
        self._shown: tuple[Group, ...] | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)

    def show_groups(self, groups: Sequence[Group]) -> None:
        """Show some groups; the same ones again change nothing, nor the focus."""
        if self._shown == tuple(groups):
            return
        self._shown = tuple(groups)
        empty_layout(self._layout)
        number = 0
        for group in groups:
            shared = f"<br><i>{escape(group.remedy)}</i>" if group.remedy else ""
            sign, colour = _SETTLED if group.passed else _OPEN
            shade = legible(colour, self.palette()).name()
            mark = f"<span style='color:{shade}'>{sign}</span>"
            self._layout.addWidget(_words(f"{mark} {group.words}{shared}"))
            for experiment, sentence in group.known[:_MOST_LINES]:
                said = f"<b>{escape(experiment)}</b> {escape(sentence)}"
                self._layout.addWidget(_words(said, indent=22))
            for line in group.lines[:_MOST_LINES]:
                self._layout.addWidget(self._row(line, number, shared=bool(shared)))
                number += 1
            if len(group.decisions) > 1:
                self._layout.addWidget(self._row_of_all(group.decisions))
            if len(group.lines) > _MOST_LINES:
                more = f"… and {len(group.lines) - _MOST_LINES} more"
                self._layout.addWidget(_words(more, indent=22))

    def _row(self, line: OpenLine, number: int, *, shared: bool) -> QWidget:
        row = QWidget(self)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(22, 0, 0, 0)
        where = f"<b>{escape(line.experiment)}</b> " if line.experiment else ""
        own = line.remedy and not shared
        remedy = f"<br><i>{escape(line.remedy)}</i>" if own else ""
        layout.addWidget(_words(f"{where}{escape(line.sentence)}{remedy}"), 1)
        if line.decisions:
            for button in self._stale_buttons(line.decisions, str(number), "the decision"):
                layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        go = self._button(
            "Go",
            f"go_{number}",
            f"Settle it in {line.panel}: {line.sentence}",
            lambda: self.go_wanted.emit(line),
        )
        layout.addWidget(go, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _row_of_all(self, decisions: tuple[int, ...]) -> QWidget:
        row = QWidget(self)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(22, 0, 0, 0)
        layout.addWidget(_words(f"All {len(decisions)} decisions:"), 1)
        for button in self._stale_buttons(decisions, "all", f"all {len(decisions)} decisions"):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _stale_buttons(
        self, decisions: tuple[int, ...], name: str, words: str
    ) -> tuple[QPushButton, QPushButton]:
        return (
            self._button(
                "Confirm",
                f"confirm_{name}",
                f"Keep {words} for the table as it is now",
                lambda: self.confirm_wanted.emit(decisions),
            ),
            self._button(
                "Take back",
                f"take_back_{name}",
                f"Take {words} back, as if never made; the history keeps it",
                lambda: self.take_back_wanted.emit(decisions),
            ),
        )

    def _button(self, text: str, name: str, tip: str, action: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda _=False: action())
        return button


def _words(html: str, indent: int = 0) -> QLabel:
    label = QLabel(html)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    label.setContentsMargins(indent, 0, 0, 0)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
