"""The list of findings: filtered, the worst first, and a Qt model over it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from qtpy.QtCore import QModelIndex, QObject, Qt

from lineage_triplets.plugin.common.views import RowTable
from lineage_triplets.plugin.problems.groups import FindingGroup, GroupedLines, kind_words
from lineage_triplets.qc.find import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.plugin.problems.groups import GroupKey
    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.record.decision import Target

STATUSES = ("open", "waived", "settled")
MARKS = {"error": "✕", "warning": "▲", "note": "●"}
STATUS_WORDS = {"open": "", "waived": "○ waived", "settled": "✓ settled"}
FINDING_ROLE = Qt.ItemDataRole.UserRole
GROUP_ROLE = Qt.ItemDataRole.UserRole + 1
COLUMNS = ("", "Kind", "Where", "Finding", "Status")
_MOST_NAMED = 3


def group_words(group: FindingGroup) -> str:
    """``"jump: 812"``, with the group's own part of its name alone."""
    return f"{kind_words(group.label) or 'no place'}: {group.n:,}"


def where_words(finding: Finding) -> str:
    """Experiment, FOV and frame; empty where it is of none."""
    frame = "" if finding.t is None else f"t {finding.t}"
    return " ".join(part for part in (finding.experiment, finding.fov, frame) if part)


def settle_words(targets: Sequence[Target]) -> str:
    """Say what one alternative of ``settled_by`` does: ``"Cut link 7 to 9"``."""
    groups: dict[str, list[Target]] = {}
    for target in targets:
        groups.setdefault(target.level, []).append(target)
    cut, made = groups.get("link", []), groups.get("join", [])
    if made and _MOST_NAMED > len(cut) > 0 and 2 < len(cut) + len(made) == len(targets):
        ways = _listed([f"{join.track} to {join.daughter}" for join in made[:_MOST_NAMED]])
        return f"Cut {'both links' if len(cut) > 1 else 'it'}, and link {ways}"
    words = " and ".join(_group_words(level, some) for level, some in groups.items())
    return f"{words[:1].upper()}{words[1:]}"


def _searched(finding: Finding) -> str:
    kind, where = kind_words(finding.kind), where_words(finding)
    return f"{finding.sentence} {kind} {where} {finding.key}"


def _group_words(level: str, targets: list[Target]) -> str:
    n = len(targets)
    if n > _MOST_NAMED:
        noun = {"observation": "cell", "fov": "FOV", "join": "new link"}.get(level, level)
        verb = {"link": "cut", "join": "make"}.get(level, "reject")
        return f"{verb} {n} {noun}s"
    if level == "link":
        return "cut " + _listed(
            [
                f"link {target.track} to {target.daughter}"
                if target.daughter is not None
                else f"track {target.track} at t {target.t}"
                for target in targets
            ]
        )
    if level == "join":
        return "link " + _listed(
            [
                f"{target.track} at t {target.t} to {target.daughter} at t {target.to_t}"
                for target in targets
            ]
        )
    if level == "frame":
        return f"reject frame{'s' * (n > 1)} {_listed([str(target.t) for target in targets])}"
    if level in {"fov", "well"}:
        noun = "FOV" if level == "fov" else "well"
        return f"reject {noun}{'s' * (n > 1)} {_listed([target.fov for target in targets])}"
    if level == "observation":
        return "reject " + _listed([f"cell {target.track} at t {target.t}" for target in targets])
    if level == "track":
        return f"reject track{'s' * (n > 1)} {_listed([target.track for target in targets])}"
    return "reject " + _listed([f"{level} {target.track}" for target in targets])


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


@dataclass(frozen=True)
class FindingFilter:
    """Which findings are shown; empty for all.

    Attributes
    ----------
    text : str
        Words that must all be in sentence, kind, place or key, in any case.
    severity, kind, experiment, status : str
    """

    text: str = ""
    severity: str = ""
    kind: str = ""
    experiment: str = ""
    status: str = "open"


@dataclass(frozen=True, eq=False)
class FindingRows:
    """Findings as columns, the worst first.

    Attributes
    ----------
    reviewed : list of ReviewedFinding
    severity, kind, experiment, fov, status : ndarray of str
    text : pyarrow.Array
        What the filter's words are looked for in.
    row_of : dict of str to int
        By the finding's key.
    """

    reviewed: list[ReviewedFinding] = field(default_factory=list)
    severity: NDArray[Any] = field(default_factory=lambda: np.empty(0, dtype=str))
    kind: NDArray[Any] = field(default_factory=lambda: np.empty(0, dtype=str))
    experiment: NDArray[Any] = field(default_factory=lambda: np.empty(0, dtype=str))
    fov: NDArray[Any] = field(default_factory=lambda: np.empty(0, dtype=str))
    status: NDArray[Any] = field(default_factory=lambda: np.empty(0, dtype=str))
    text: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    row_of: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, reviewed: Sequence[ReviewedFinding]) -> FindingRows:
        """Collect findings; those of one severity stay in the order of the checks."""
        rank = {name: k for k, name in enumerate(SEVERITIES)}
        ordered = sorted(reviewed, key=lambda known: rank[known.finding.severity])
        found = [known.finding for known in ordered]
        keys = [finding.key for finding in found]
        return cls(
            ordered,
            np.array([finding.severity for finding in found], dtype=str),
            np.array([finding.kind for finding in found], dtype=str),
            np.array([finding.experiment for finding in found], dtype=str),
            np.array([finding.fov for finding in found], dtype=str),
            np.array([known.status for known in ordered], dtype=str),
            pa.array([_searched(finding).casefold() for finding in found], pa.string()),
            {key: row for row, key in enumerate(keys)},
        )

    def __len__(self) -> int:
        return len(self.reviewed)

    def column(self, name: str) -> NDArray[Any]:
        """Give a column by its name: ``kind``, ``experiment`` or ``fov``."""
        values: NDArray[Any] = getattr(self, name)
        return values

    def matching(self, wanted: FindingFilter) -> Int64Array:
        """Rows to show, in order."""
        kept = np.ones(len(self), dtype=bool)
        for column in ("severity", "kind", "experiment", "status"):
            value = getattr(wanted, column)
            if value:
                kept &= getattr(self, column) == value
        for word in wanted.text.casefold().split():
            kept &= pc.match_substring(self.text, word).to_numpy(zero_copy_only=False)
        return np.flatnonzero(kept)

    def counts(self, status: str = "open") -> dict[str, int]:
        """How many of each severity have a status."""
        of_status = self.severity[self.status == status]
        return {name: int(np.count_nonzero(of_status == name)) for name in SEVERITIES}


class FindingModel(RowTable):
    """Findings for a table view, in groups if asked; `FINDING_ROLE` hands out the finding.

    A line is a finding or the head of a group: `GROUP_ROLE` hands out the `FindingGroup`, and
    whether it is open, of a head.
    """

    headings = COLUMNS

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows = FindingRows()
        self.filter = FindingFilter()
        self.grouping: tuple[str, ...] = ()
        self._opened: set[GroupKey] = set()
        self._shown: Int64Array = np.empty(0, dtype=np.int64)
        self._lines = GroupedLines()

    def show(
        self, rows: FindingRows, wanted: FindingFilter, kept: str = "", grouping: Sequence[str] = ()
    ) -> None:
        """Show what matches of some findings.

        Parameters
        ----------
        rows : FindingRows
        wanted : FindingFilter
        kept : str
            Key of a finding that stays even if it does not match.
        grouping : sequence of str
            By which columns, the first outermost; none for a plain list.
        """
        self.beginResetModel()
        self.rows, self.filter = rows, wanted
        if tuple(grouping) != self.grouping:
            self.grouping, self._opened = tuple(grouping), set()
        shown = rows.matching(wanted)
        row = rows.row_of.get(kept)
        if row is not None:
            shown = np.union1d(shown, [row])
        self._shown = shown
        self._arrange()
        self.endResetModel()

    def reveal(self, key: str) -> None:
        """Open the groups that hide a finding."""
        row = self.rows.row_of.get(key)
        if row is None or self.row_of(key) >= 0:
            return
        values = [str(self.rows.column(name)[row]) for name in self.grouping]
        self._open({tuple(values[: depth + 1]) for depth in range(len(values))} | self._opened)

    def set_open(self, group: FindingGroup, is_open: bool) -> None:
        """Open a group, or close it with those in it."""
        own = {key for key in self._opened if key[: len(group.key)] == group.key}
        self._open(self._opened | {group.key} if is_open else self._opened - own)

    def is_open(self, group: FindingGroup) -> bool:
        """Whether what is in a group is shown."""
        return group.key in self._opened

    def row_of(self, key: str) -> int:
        """Line of a finding; -1 where it is not shown."""
        row = self.rows.row_of.get(key)
        return -1 if row is None else self._lines.line_of.get(row, -1)

    def line_of_group(self, key: GroupKey) -> int:
        """Line of a group's head; -1 where it is not shown."""
        return next((line for line, group in self._lines.groups.items() if group.key == key), -1)

    def at(self, line: int) -> ReviewedFinding | None:
        """Finding in a line; None where there is none, or a group's head."""
        row = self._lines.row_at(line)
        return None if row < 0 else self.rows.reviewed[row]

    def group_at(self, line: int) -> FindingGroup | None:
        """Group whose head is in a line; None where it is a finding."""
        return self._lines.groups.get(line)

    def head_over(self, line: int) -> int:
        """Line of the head of the group that a line is in; -1 where it is in none."""
        own = self.group_at(line)
        depth = len(self.grouping) if own is None else own.depth
        above = [k for k, group in self._lines.groups.items() if k < line and group.depth < depth]
        return max(above, default=-1)

    def of_lines(self, lines: Iterable[int]) -> list[ReviewedFinding]:
        """Give the findings in some lines, and the open ones of the groups whose heads they are."""
        found: dict[int, None] = {}
        for line in lines:
            group = self.group_at(line)
            if group is None:
                row = self._lines.row_at(line)
                found |= {row: None} if row >= 0 else {}
            else:
                found |= dict.fromkeys(group.rows[self.rows.status[group.rows] == "open"].tolist())
        return [self.rows.reviewed[row] for row in found]

    def alike(self, reviewed: ReviewedFinding) -> list[ReviewedFinding]:
        """Give the open findings of a finding's kind among those that the filter shows."""
        shown, rows = self._shown, self.rows
        is_alike = (rows.kind[shown] == reviewed.finding.kind) & (rows.status[shown] == "open")
        return [rows.reviewed[row] for row in shown[is_alike].tolist()]

    @property
    def n_shown(self) -> int:
        """Findings that match, in closed groups too."""
        return len(self._shown)

    @property
    def n_rows(self) -> int:
        """Lines shown."""
        return len(self._lines)

    def _open(self, opened: set[GroupKey]) -> None:
        self.beginResetModel()
        self._opened = opened
        self._arrange()
        self.endResetModel()

    def _arrange(self) -> None:
        columns = {name: self.rows.column(name) for name in self.grouping}
        self._lines = GroupedLines.of(self._shown, columns, self._opened)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text of a cell, the sentence as tooltip, the finding or group itself."""
        line = index.row() if index.isValid() else -1
        reviewed, group = self.at(line), self.group_at(line)
        if group is not None:
            return self._of_group(group, role)
        if reviewed is None:
            return None
        if role == FINDING_ROLE:
            return reviewed
        finding = reviewed.finding
        if role == Qt.ItemDataRole.ToolTipRole:
            return finding.sentence
        if role == Qt.ItemDataRole.AccessibleTextRole:
            words = (finding.severity, kind_words(finding.kind), where_words(finding))
            what = ", ".join(word for word in words if word)
            return f"{what}: {finding.sentence} ({reviewed.status})"
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            MARKS[finding.severity],
            kind_words(finding.kind),
            where_words(finding),
            finding.sentence,
            STATUS_WORDS[reviewed.status],
        )[index.column()]

    def _of_group(self, group: FindingGroup, role: int) -> Any:
        if role == GROUP_ROLE:
            return group, self.is_open(group)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return group_words(group)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{group_words(group)}, {'open' if self.is_open(group) else 'closed'}"
        return None
