"""What will be drawn beside what the anchors allow, painted for each experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from lineage_triplets.plugin.common.patch_image import dimmed, legible, relation_colour

if TYPE_CHECKING:
    import pandas as pd
    from qtpy.QtGui import QPaintEvent, QResizeEvent

    from lineage_triplets.qc.look.tables import TauTable

_DRAWN = QColor(0, 114, 178)
_ALLOWED = QColor(120, 120, 120)
_PAD = 4
_CHART_LINES = 2.6


@dataclass(frozen=True)
class TauBar:
    """One tau of one experiment.

    Attributes
    ----------
    hours : float
    frames : int
    drawn, law, allowed : float
        As in `TauTable`.
    """

    hours: float
    frames: int
    drawn: float
    law: float
    allowed: float

    @property
    def words(self) -> str:
        """In words."""
        return (
            f"tau {self.frames} frame{'s' * (self.frames != 1)} ({self.hours:.3g} h): "
            f"{percent(self.drawn)} of the positives (the law alone gives {percent(self.law)}); "
            f"{percent(self.allowed)} of the anchors have somebody there"
        )


@dataclass(frozen=True)
class ExperimentDraw:
    """What will be drawn in one experiment.

    Attributes
    ----------
    experiment : str
    title : str
        With the number of anchors.
    bars : tuple of TauBar
    relations : tuple of (str, float)
        Relation and its share, most frequent first.
    """

    experiment: str
    title: str
    bars: tuple[TauBar, ...]
    relations: tuple[tuple[str, float], ...]

    @property
    def words(self) -> str:
        """In words, for those who do not see the bars."""
        shares = ", ".join(f"{name} {percent(share)}" for name, share in self.relations)
        return f"{self.title}: {shares or 'nothing'}"


def draws_of(table: TauTable, experiment: str = "") -> list[ExperimentDraw]:
    """Take a table apart by experiment; only one of them, if asked."""
    found = []
    for name, n_anchors in table.anchors.items():
        if experiment not in ("", name):
            continue
        looked_at = table.looked_at[name]
        part = "" if looked_at == n_anchors else f", shares from {looked_at:,} of them"
        taus = _of(table.taus, name)
        relations = _of(table.relations, name).sort_values("share", ascending=False)
        found.append(
            ExperimentDraw(
                name,
                f"{name}: {n_anchors:,} anchors{part}",
                tuple(
                    TauBar(float(hours), int(frames), float(drawn), float(law), float(allowed))
                    for hours, frames, drawn, law, allowed in zip(
                        taus["tau_hours"],
                        taus["tau_frames"],
                        taus["drawn"],
                        taus["law"],
                        taus["allowed"],
                        strict=True,
                    )
                ),
                tuple(
                    (str(relation), float(share))
                    for relation, share in zip(
                        relations["relation"], relations["share"], strict=True
                    )
                ),
            )
        )
    return found


def percent(share: float) -> str:
    """Give a share in percent: ``"12 %"``, ``"0.4 %"``, ``"<0.1 %"``."""
    if 0 < share < 0.001:
        return "<0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.0095 or share == 0 else f"{100 * share:.1f} %"


class TauView(QWidget):
    """Bars of tau, drawn and allowed, and the share of each relation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tau_view")
        self._draws: list[ExperimentDraw] = []
        self._late = False
        self._boxes: list[tuple[QRectF, str]] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)

    @property
    def draws(self) -> list[ExperimentDraw]:
        """What is shown."""
        return self._draws

    def set_draws(self, draws: list[ExperimentDraw]) -> None:
        """Show other distributions."""
        self._draws, self._late = draws, False
        self.setAccessibleName("What will be drawn")
        self.setAccessibleDescription("; ".join(draw.words for draw in draws))
        self._fit()

    def set_late(self) -> None:
        """Show what there is as out of date."""
        self._late = True
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give the height that all experiments take."""
        return QSize(300, int(sum(self._height(draw) for draw in self._draws)) + 1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Wrap the words anew."""
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Say what is under the mouse."""
        if event.type() == QEvent.Type.ToolTip:
            words = next((text for box, text in self._boxes if box.contains(event.pos())), "")
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return bool(super().event(event))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw all experiments below each other."""
        painter = QPainter(self)
        painter.setOpacity(0.45 if self._late else 1.0)
        self._boxes = []
        top = 0.0
        for draw in self._draws:
            self._draw(painter, draw, top)
            top += self._height(draw)
        painter.end()

    def _fit(self) -> None:
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    @property
    def _line(self) -> int:
        return int(self.fontMetrics().height())

    def _height(self, draw: ExperimentDraw) -> float:
        lines = 1 + len(self._entries(draw))
        charts = 1 + _CHART_LINES + 1 if draw.bars else 0
        return (lines + charts + 0.7) * self._line + 3 * _PAD

    def _entries(self, draw: ExperimentDraw) -> list[list[tuple[float, str, str]]]:
        """The legend's lines: from where, which relation, in which words."""
        metrics, x = self.fontMetrics(), 0.0
        lines: list[list[tuple[float, str, str]]] = []
        for name, share in draw.relations:
            words = f"{name} {percent(share)}"
            wide = self._line + metrics.horizontalAdvance(words)
            if not lines or x + wide > self.width():
                lines.append([])
                x = 0.0
            lines[-1].append((x, name, words))
            x += wide + self._line * 0.7
        return lines

    def _draw(self, painter: QPainter, draw: ExperimentDraw, top: float) -> None:
        line, width = self._line, self.width()
        palette = self.palette()
        ink = palette.color(QPalette.ColorRole.WindowText)
        painter.setPen(ink)
        left = int(Qt.AlignmentFlag.AlignLeft)
        painter.drawText(QRectF(0, top, width, line), left, draw.title)
        top += line
        if draw.bars:
            half = (width - 2 * _PAD) / 2
            chart = QRectF(0, top + line, half, _CHART_LINES * line)
            most = max(max(bar.drawn, bar.law) for bar in draw.bars)
            caption = f"will be drawn (up to {percent(most)})"
            self._chart(painter, chart, draw.bars, "drawn", most, legible(_DRAWN, palette), caption)
            chart.moveLeft(half + 2 * _PAD)
            caption = "anchors with somebody there"
            self._chart(
                painter, chart, draw.bars, "allowed", 1, legible(_ALLOWED, palette), caption
            )
            top += (_CHART_LINES + 2) * line
        top += _PAD
        x = 0.0
        for name, share in draw.relations:
            box = QRectF(x, top, max(share * width - 1, 1), 0.6 * line)
            painter.fillRect(box, relation_colour(name, palette))
            self._boxes.append((box, f"{name}: {percent(share)} of the positives"))
            x += share * width
        top += 0.7 * line + _PAD / 2
        for entries in self._entries(draw):
            for x, name, words in entries:
                dot = QRectF(x, top + line * 0.25, line * 0.55, line * 0.55)
                painter.fillRect(dot, relation_colour(name, palette))
                painter.setPen(ink)
                painter.drawText(QRectF(x + line * 0.8, top, width, line), left, words)
            top += line

    def _chart(
        self,
        painter: QPainter,
        box: QRectF,
        bars: tuple[TauBar, ...],
        what: str,
        most: float,
        colour: QColor,
        caption: str,
    ) -> None:
        palette = self.palette()
        painter.setPen(dimmed(palette))
        words = QRectF(box.left(), box.top() - self._line, box.width(), self._line)
        short = self.fontMetrics().elidedText(
            caption, Qt.TextElideMode.ElideRight, int(box.width())
        )
        painter.drawText(words, int(Qt.AlignmentFlag.AlignLeft), short)
        pitch = box.width() / len(bars)
        gap = min(2.0, 0.2 * pitch)
        for number, bar in enumerate(bars):
            x = box.left() + number * pitch
            share = getattr(bar, what) / most if most else 0.0
            high = share * box.height()
            painter.fillRect(QRectF(x, box.bottom() - high, pitch - gap, high), colour)
            if what == "drawn" and most:
                y = box.bottom() - bar.law / most * box.height()
                painter.setPen(QPen(palette.color(QPalette.ColorRole.WindowText), 1.5))
                painter.drawLine(int(x), int(y), int(x + pitch - gap), int(y))
            self._boxes.append((QRectF(x, box.top(), pitch, box.height()), bar.words))
        painter.setPen(dimmed(palette))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        below = QRectF(box.left(), box.bottom(), box.width(), self._line)
        ends = (bars[0], bars[-1]) if len(bars) > 1 else (bars[0],)
        flags = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)
        for bar, flag in zip(ends, flags, strict=False):
            painter.drawText(below, int(flag), f"{bar.hours:.3g} h")


def _of(table: pd.DataFrame, experiment: str) -> pd.DataFrame:
    own: pd.DataFrame = table[table["experiment"] == experiment]
    return own
