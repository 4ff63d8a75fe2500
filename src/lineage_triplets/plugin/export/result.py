"""What an export wrote, and how to train on it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices, QFontDatabase, QGuiApplication
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.plugin.export.checklist import training_lines

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.qc.export.export import ExportResult

_CODE_LINES = 3


class ExportResultView(QWidget):
    """Paths, the report, and three lines of Python to copy; hidden before the first export."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("export_result")
        self._report: Path | None = None
        self._folder: Path | None = None
        self._paths = QLabel(self)
        self._paths.setObjectName("written_paths")
        self._paths.setWordWrap(True)
        self._paths.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._open_report = QPushButton("Open &report", self)
        self._open_report.setObjectName("open_report")
        self._open_report.setToolTip("Show the report of the review in the browser")
        self._open_report.clicked.connect(lambda: self._open(self._report))
        self._open_folder = QPushButton("Open &folder", self)
        self._open_folder.setObjectName("open_folder")
        self._open_folder.setToolTip("Show the folder with the files")
        self._open_folder.clicked.connect(lambda: self._open(self._folder))
        self._code = QPlainTextEdit(self)
        self._code.setObjectName("training_lines")
        self._code.setReadOnly(True)
        self._code.setToolTip("Python that trains on this export")
        self._code.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._code.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._code.setTabChangesFocus(True)
        self._code.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._copy = QPushButton("&Copy", self)
        self._copy.setObjectName("copy_training_lines")
        self._copy.setToolTip("Copy these lines")
        self._copy.clicked.connect(self._copy_code)
        buttons = QHBoxLayout()
        buttons.addWidget(self._open_report)
        buttons.addWidget(self._open_folder)
        buttons.addStretch(1)
        buttons.addWidget(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._paths)
        layout.addWidget(self._code)
        layout.addLayout(buttons)
        self.hide()

    def show_result(self, result: ExportResult) -> None:
        """Show what was written."""
        self._report = result.files.get("report")
        first = next(iter(result.files.values()))
        self._folder = first.parent
        head = "Validated and written" if result.validated else "A draft is written"
        names = "<br>".join(escape(str(path)) for path in result.files.values())
        self._paths.setText(f"<b>{head}</b><br>{names}")
        self._open_report.setEnabled(self._report is not None)
        config = result.files.get("config")
        self._code.setPlainText("" if config is None else training_lines(str(config)).rstrip())
        height = self._code.fontMetrics().lineSpacing() * _CODE_LINES
        around = 2 * (self._code.frameWidth() + int(self._code.document().documentMargin()))
        bar = self._code.horizontalScrollBar().sizeHint().height()
        self._code.setFixedHeight(height + around + bar)
        for widget in (self._code, self._copy):
            widget.setVisible(config is not None)
        self._copy.setText("&Copy")
        self.show()

    def clear(self) -> None:
        """Show nothing."""
        self.hide()

    def _open(self, path: Path | None) -> None:
        if path is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self._paths.setText(
                f"{self._paths.text()}<br>No program opened {escape(path.name)}; open it by hand."
            )

    def _copy_code(self) -> None:
        QGuiApplication.clipboard().setText(self._code.toPlainText())
        self._copy.setText("Copied")
