"""A finding in words, with the picture that shows it where there is one."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSize, Qt, QTimer, QUrl, Signal
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QDialog, QFrame, QLabel, QScrollArea, QTextBrowser, QVBoxLayout, QWidget

from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.plugin.common.patch_image import patch_image
from lineage_triplets.qc.find.placement import shown_placement

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QResizeEvent

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.find import Finding

PICTURE_JOB = "Drawing a table on its images"
WHOLE_JOB = "Drawing a table on its images in full"
_PATIENCE_MS = 200
_LEAST_HEIGHT, _LEAST_WIDTH = 90, 120
_SCREEN_SHARE, _AROUND_PX = 0.9, 8


class FindingText(QTextBrowser):
    """Says what was found; tables that do not lie on their images are drawn as well.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    height_wanted : Signal(int)
        How high it would be to show its picture; 0 where there is none.
    """

    height_wanted = Signal(int)

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("finding_text")
        self.setAccessibleName("What was found, and what became of it")
        self.setMinimumHeight(_LEAST_HEIGHT)
        self.setOpenLinks(False)
        self._session = session
        self._finding: Finding | None = None
        self._before = self._after = self._note = ""
        self._picture: QImage | None = None
        self._number = self._drawn_px = 0
        self._width_changed = QTimer(self)
        self._width_changed.setSingleShot(True)
        self._width_changed.setInterval(_PATIENCE_MS)
        self._width_changed.timeout.connect(self._draw)
        self.anchorClicked.connect(lambda _: self.open_whole())

    def tell(self, finding: Finding | None, before: str, after: str) -> None:
        """Say something about a finding: before its picture, and after it."""
        is_other = finding != self._finding
        self._finding, self._before, self._after = finding, before, after
        if is_other:
            self._picture, self._note = None, ""
            self._draw()
        self._lay_out()

    @property
    def has_picture(self) -> bool:
        """Whether the picture is drawn."""
        return self._picture is not None

    def open_whole(self) -> None:
        """Open the picture at its full size."""
        if self._picture is not None:
            self._start(WHOLE_JOB, None, self._show_whole)

    def loadResource(self, kind: int, name: QUrl) -> Any:  # noqa: N802 - Qt's name
        """Give the picture where the text has it."""
        if name.scheme() == "picture":
            return self._picture
        return super().loadResource(kind, name)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the picture for another width, once it stays."""
        super().resizeEvent(event)
        if self._drawn_px and self._room_px != self._drawn_px:
            self._width_changed.start()

    @property
    def _room_px(self) -> int:
        """How wide a picture may be, beside the bar that scrolls."""
        beside = 2 * self.frameWidth() + self.verticalScrollBar().sizeHint().width()
        margins = 2 * int(self.document().documentMargin())
        return max(_LEAST_WIDTH, self.width() - beside - margins)

    def _draw(self) -> None:
        self._drawn_px = self._room_px
        if not self._start(PICTURE_JOB, self._drawn_px, self._take):
            self._drawn_px = 0
            self._session.work.cancel(PICTURE_JOB)

    def _start(self, name: str, width_px: int | None, done: Callable[[QImage | str], None]) -> bool:
        """Start drawing the finding; False where there is nothing to draw."""
        review, finding = self._session.review, self._finding
        if review is None or finding is None:
            return False
        placed = shown_placement(finding, review.checks.placements)
        if placed is None:
            return False
        checks = review.snapshot().checks
        place = placed.experiment, placed.fov

        def run(_job: Job) -> QImage | str:
            try:
                picture = checks.placement_picture(
                    *place, width_px=width_px, headed=width_px is None
                )
            except LineageTripletsError as error:
                return str(error)
            return patch_image(np.asarray(picture))

        self._session.work.start(self, name, run, done)
        return True

    def _take(self, drawn: QImage | str) -> None:
        is_picture = isinstance(drawn, QImage)
        self._picture = drawn if is_picture else None
        self._note = "" if is_picture else f"There is no picture: {drawn}"
        self._number += 1
        self._lay_out()

    def _lay_out(self) -> None:
        scrolled = self.verticalScrollBar().value()
        middle = f"<p><i>{escape(self._note)}</i></p>" if self._note else ""
        if self._picture is not None:
            middle = (
                f"<p style='margin:3px 0'><a href='picture'><img src='picture:{self._number}' "
                f"alt='The table on its images; a click opens it at full size'></a></p>"
            )
        self.setHtml(f"{self._before}{middle}{self._after}")
        if self._picture is not None:
            self.height_wanted.emit(int(self.document().size().height()) + 2 * self.frameWidth())
        elif not self._drawn_px:
            self.height_wanted.emit(0)
        self.verticalScrollBar().setValue(scrolled)

    def _show_whole(self, drawn: QImage | str) -> None:
        if not isinstance(drawn, QImage):
            self._session.failed.emit(drawn)
            return
        dialog = QDialog(self)
        dialog.setObjectName("placement_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("The table on its images")
        label = QLabel(dialog)
        label.setPixmap(QPixmap.fromImage(drawn))
        area = QScrollArea(dialog)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(label)
        layout = QVBoxLayout(dialog)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
        # Themes may put a few pixels around the area.
        whole = drawn.size() + QSize(_AROUND_PX, _AROUND_PX)
        dialog.resize(whole.boundedTo(self.screen().availableGeometry().size() * _SCREEN_SHARE))
        dialog.show()
