"""One channel of one experiment: picker, patches, histogram, proof and verdict."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPalette, QPolygonF
from qtpy.QtWidgets import QComboBox, QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from lineage_triplets.plugin.common.patch_image import dimmed, draw_note, legible, patch_image
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.qc.find.channels.pictures import OPEN, RIGHT, WRONG, thumbnail_row
from lineage_triplets.qc.look.pictures.page import short_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QKeyEvent, QPaintEvent, QWheelEvent

    from lineage_triplets.qc.find.channels import ChannelInspection, SlotView
    from lineage_triplets.qc.find.channels.signature import ChannelSignature
    from lineage_triplets.qc.find.channels.verdict import Status

_RIGHT = ("✓", "looks right", QColor(*RIGHT))
_WRONG = ("✕", "looks wrong", QColor(*WRONG))
_OPEN = ("?", "cannot tell", QColor(*OPEN))
_MARKS: dict[Status, tuple[str, str, QColor]] = {
    "same": _RIGHT,
    "swapped": _WRONG,
    "differs": _WRONG,
    "unlike": _WRONG,
    "blank": _WRONG,
}
_CHOOSING_KEYS = frozenset(
    {
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
    }
)
_PATCH, _GAP = 62, 4
_N_PATCHES = 4
_HISTOGRAM = 40
_GAMMA = "\N{GREEK SMALL LETTER GAMMA}"


def verdict_mark(view: SlotView) -> tuple[str, str, QColor]:
    """Mark, words and colour of a verdict; the first two do without the third."""
    mark = _MARKS.get(view.verdict.status, _OPEN)
    return _WRONG if view.verdict.better is not None else mark


class ChannelPicker(QComboBox):
    """All channels of a store.

    A choice is a decision: the wheel scrolls the panel, and keys open the list, in which Enter
    chooses.

    Attributes
    ----------
    picked : Signal(str)
        Gets the channel that a person chooses.
    """

    picked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._channel = ""
        self._names: tuple[str, ...] = ()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumContentsLength(10)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(self._on_activated)

    def set_channels(self, names: Sequence[str], channel: str) -> None:
        """Offer the channels of a store, with one chosen that may not be among them."""
        if (tuple(names), channel) == (self._names, self._channel):
            return
        self._names, self._channel = tuple(names), channel
        self.clear()
        for number, name in enumerate(names):
            self.addItem(f"{name} (zarr {number})", name)
        if channel not in names:
            self.insertItem(0, f"{channel} (not in the store)", channel)
        self.setCurrentIndex(self.findData(channel))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to the panel."""
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Open the list by keys that would choose at once."""
        is_letter = bool(event.text()) and event.text().isprintable()
        if event.key() in _CHOOSING_KEYS or is_letter:
            self.showPopup()
        else:
            super().keyPressEvent(event)

    def _on_activated(self, row: int) -> None:
        name = str(self.itemData(row))
        if name != self._channel:
            # Shown as it is until the choice took effect.
            self.setCurrentIndex(self.findData(self._channel))
            self.picked.emit(name)


class ChannelPicture(QWidget):
    """Patches of a channel side by side over the histogram around its cells."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: list[QImage] = []
        self._scale = ""
        self._note = ""
        self._signature: ChannelSignature | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Two patches side by side, a line of words, the histogram, and its ends."""
        width = 2 * (_PATCH + _GAP)
        return QSize(width, self.heightForWidth(width))

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """As many rows of patches as do not fit side by side."""
        rows = -(-_N_PATCHES // _n_across(width))
        return rows * (_PATCH + _GAP) + _HISTOGRAM + 2 * self.fontMetrics().height() + 2

    def show_channel(self, inspection: ChannelInspection, experiment: str, channel: int) -> None:
        """Show a channel, whether it is in a slot or not."""
        row = thumbnail_row(inspection, experiment, channel, _PATCH)
        self._images = [patch_image(image) for image in row.images]
        self._scale = row.scale
        looks = inspection.signatures.get(experiment, ())
        self._signature = looks[channel] if looks and looks[channel].n_patches else None
        self._note = "" if self._images else "no patch could be read"
        names = inspection.channel_names[experiment]
        self.setToolTip(
            f"{names[channel]} of {experiment}: patches as training reads them, black to white "
            f"{self._scale}; below, log counts of the pixels around the cells"
        )
        self.update()

    def show_note(self, words: str) -> None:
        """Show words in place of a channel."""
        self._images, self._scale, self._signature, self._note = [], "", None, words
        self.setToolTip("")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw patches and histogram."""
        del event
        painter = QPainter(self)
        dim, line = dimmed(self.palette()), self.fontMetrics().height()
        if self._note:
            draw_note(painter, QRectF(0, 0, self.width() - 1, _PATCH), self._note, dim)
        across, step = _n_across(self.width()), _PATCH + _GAP
        for number, image in enumerate(self._images):
            row, column = divmod(number, across)
            painter.drawImage(QPointF(column * step, row * step), image)
        painter.setPen(dim)
        top = -(-_N_PATCHES // across) * step - _GAP + 1
        if self._scale:
            painter.drawText(
                QPointF(0, top + painter.fontMetrics().ascent()),
                f"grey {self._scale.replace('gamma', _GAMMA)}",
            )
        if self._signature is not None:
            room = QRectF(0, top + line, self.width() - 1, _HISTOGRAM)
            self._draw_histogram(painter, room, self._signature)
        painter.end()

    def _draw_histogram(self, painter: QPainter, box: QRectF, looks: ChannelSignature) -> None:
        line = self.fontMetrics().height()
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        fill = QColor(ink)
        fill.setAlphaF(0.45)
        heights = np.log1p(looks.counts.astype(float))
        most = heights.max()
        if most > 0:
            x = box.left() + np.arange(len(heights) + 1) * box.width() / len(heights)
            y = box.bottom() - heights / most * (box.height() - 1)
            outline = [QPointF(box.left(), box.bottom())]
            for number, height in enumerate(y.tolist()):
                outline.append(QPointF(x[number], height))
                outline.append(QPointF(x[number + 1], height))
            outline.append(QPointF(box.right(), box.bottom()))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawPolygon(QPolygonF(outline))
        painter.setPen(dimmed(self.palette()))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        ends = QRectF(box.left(), box.bottom() + 1, box.width(), line)
        painter.drawText(ends, int(Qt.AlignmentFlag.AlignLeft), short_number(looks.edges[0]))
        painter.drawText(ends, int(Qt.AlignmentFlag.AlignRight), short_number(looks.edges[-1]))


class ChannelCell(QFrame):
    """A slot of an experiment, or a channel of its store that is in no slot.

    Parameters
    ----------
    experiment : str
    slot : int or None
        None for a channel in no slot.

    Attributes
    ----------
    picked : Signal(str, int, str)
        Gets experiment, slot, and the channel that a person chooses for it.
    """

    picked = Signal(str, int, str)

    def __init__(self, experiment: str, slot: int | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._experiment, self._slot = experiment, slot
        name = f"{experiment}_slot_{slot}" if slot is not None else f"{experiment}_unused"
        self.setObjectName(f"cell_{name}")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._head = QLabel(self)
        self._head.setObjectName(f"title_{name}")
        self._head.setTextFormat(Qt.TextFormat.RichText)
        self._head.setWordWrap(True)
        self.picker = ChannelPicker(self)
        self.picker.setObjectName(f"channel_{name}")
        self.picker.setVisible(slot is not None)
        self.picker.picked.connect(self._on_picked)
        self._picture = ChannelPicture(self)
        self._picture.setObjectName(f"picture_{name}")
        self._unlike = _words(f"unlike_{name}", self)
        self._unlike.hide()
        self._proof = _words(f"proof_{name}", self)
        self._verdict = _words(f"verdict_{name}", self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        for widget in (
            *(self._head, self.picker, self._unlike, self._picture, self._proof, self._verdict),
        ):
            layout.addWidget(widget)
        layout.addStretch(1)

    def show_slot(
        self,
        label: str,
        names: Sequence[str],
        channel: str,
        inspection: ChannelInspection | None,
        *,
        note: str,
        why_not: str,
        unlike: str = "",
    ) -> None:
        """Show what is in the slot.

        Parameters
        ----------
        label : str
            Name of the slot.
        names : sequence of str
            Channels of the store.
        channel : str
            The one in the slot.
        inspection : ChannelInspection or None
        note : str
            Said where the slot was not looked at.
        why_not : str
            Why nothing can be chosen; empty if it can.
        unlike : str
            How its name differs from those in the other experiments; empty if it does not.
        """
        slot = self._slot or 0
        self.picker.set_channels(names, channel)
        self.picker.setEnabled(not why_not)
        self.picker.setAccessibleName(f"Channel in slot {slot} of {self._experiment}")
        self.picker.setToolTip(
            why_not
            or f"Channel in slot {slot} ({label}) of {self._experiment}; one that another slot has "
            "changes places with it"
        )
        view = _view(inspection, self._experiment, slot)
        head = f"{escape(self._experiment)} · slot {slot} · {escape(label)}"
        if unlike:
            shade = legible(_WRONG[2], self.palette()).name()
            head += _marked("⚠", "named unlike", shade)
        self._unlike.setText(unlike)
        self._unlike.setVisible(bool(unlike))
        if inspection is None or view is None or view.channel_name != channel:
            self._head.setText(head)
            self._picture.show_note(note)
            self._proof.setText("")
            self._verdict.setText("")
            return
        mark, words, colour = verdict_mark(view)
        shade = legible(colour, self.palette()).name()
        self._head.setText(head + _marked(mark, words, shade))
        self._picture.show_channel(inspection, self._experiment, view.zarr_index)
        self._proof.setText(_proof_words(view))
        self._verdict.setText(view.sentence)

    def show_unused(self, inspection: ChannelInspection, channel: int) -> None:
        """Show a channel that is in no slot."""
        name = inspection.channel_names[self._experiment][channel]
        self._head.setText(
            f"{escape(self._experiment)} · in no slot · <b>{escape(name)}</b> (zarr {channel})"
        )
        self._picture.show_channel(inspection, self._experiment, channel)

    def _on_picked(self, channel: str) -> None:
        if self._slot is not None:
            self.picked.emit(self._experiment, self._slot, channel)


def _n_across(width: int) -> int:
    """How many patches fit side by side: all, half of them, or one."""
    fitting = (width + _GAP) // (_PATCH + _GAP)
    return next((n_shown for n_shown in (_N_PATCHES, 2) if n_shown <= fitting), 1)


def _view(inspection: ChannelInspection | None, experiment: str, slot: int) -> SlotView | None:
    try:
        return None if inspection is None else inspection.view(experiment, slot)
    except KeyError:
        return None


def _proof_words(view: SlotView) -> str:
    if view.proof is None:
        return "Comparing patches with the store…"
    return f"{'✓' if view.proof.holds else '✕'} {view.proof.words}"


def _words(name: str, parent: QWidget) -> QLabel:
    label = words_label(name, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _marked(mark: str, words: str, colour: str) -> str:
    """Write a mark and its words after others; they stay in one line."""
    together = words.replace(" ", "&nbsp;")
    return f"&nbsp;&nbsp; <b><span style='color:{colour}'>{mark}</span>&nbsp;{together}</b>"
