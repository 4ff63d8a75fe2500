"""Where to export to and which files; and what was written."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QUrl, Signal
from qtpy.QtGui import QDesktopServices, QFontDatabase, QGuiApplication
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.plugin.common.field import Field
from lineage_triplets.plugin.export.checklist import training_lines
from lineage_triplets.qc.export.export import DRAFT_NAME, LOSES
from lineage_triplets.qc.export.plan import FILE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineage_triplets.qc.export.export import ExportResult
    from lineage_triplets.qc.export.plan import Format

_PURPOSES: dict[Format, str] = {
    "config": "what training loads",
    "report": "the report of this review",
    "cell_index": "flat table for DynaCLR",
    "dynaclr_data": "how DynaCLR reads it",
    "collection": "experiments for DynaCLR",
}
_CODE_LINES = 3


class ExportOptions(QWidget):
    """Folder, files, and what happens to files that are there.

    Attributes
    ----------
    changed : Signal()
    only_accepted_changed : Signal()
        What is left out changes by it.
    """

    changed = Signal()
    only_accepted_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("export_options")
        self._draft = False
        self._written: set[Path] = set()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._where())
        self._boxes: dict[Format, QCheckBox] = {}
        for name, purpose in _PURPOSES.items():
            box = self._box(f"write_{name}", f"{FILE_NAMES[name]}: {purpose}")
            box.setChecked(True)
            loses = "\n".join(f"• {loss}" for loss in LOSES[name])
            box.setToolTip(f"It cannot carry:\n{loses}" if loses else purpose.capitalize())
            self._boxes[name] = box
            layout.addWidget(box)
        self._only_accepted = self._box("only_accepted", "Only what was accepted")
        self._only_accepted.setToolTip(
            "Leave out every lineage that nobody accepted, instead of only what was rejected"
        )
        self._only_accepted.toggled.connect(self.only_accepted_changed)
        self._overwrite = self._box("overwrite", "Replace files that are there")
        self._overwrite.setToolTip("Replaced all together once the new ones are whole")
        layout.addWidget(self._only_accepted)
        layout.addWidget(self._overwrite)
        self._there = QLabel(self)
        self._there.setObjectName("files_there")
        self._there.setWordWrap(True)
        layout.addWidget(self._there)
        for box in self.findChildren(QCheckBox):
            box.toggled.connect(self.look)
        self._folder.textChanged.connect(self.look)
        self.look()

    def _where(self) -> QHBoxLayout:
        self._folder = Field("Folder", self)
        self._folder.setObjectName("export_folder")
        self._folder.setToolTip("Folder for the files; made if it is missing")
        label = QLabel("&To", self)
        label.setBuddy(self._folder)
        choose = QPushButton("Choose…", self)
        choose.setObjectName("choose_export_folder")
        choose.setToolTip("Choose the folder")
        choose.clicked.connect(self._choose)
        where = QHBoxLayout()
        where.addWidget(label)
        where.addWidget(self._folder, 1)
        where.addWidget(choose)
        return where

    def _box(self, name: str, text: str) -> QCheckBox:
        box = QCheckBox(text, self)
        box.setObjectName(name)
        return box

    @property
    def folder(self) -> Path:
        """Where to."""
        return Path(self._folder.text().strip()).expanduser()

    @property
    def formats(self) -> list[Format]:
        """Which files; of a draft only those that can say that they are one."""
        return [name for name, box in self._boxes.items() if box.isChecked() and box.isEnabled()]

    @property
    def only_accepted(self) -> bool:
        """Whether what nobody accepted is left out."""
        return bool(self._only_accepted.isChecked())

    @property
    def overwrite(self) -> bool:
        """Whether files may be replaced."""
        return bool(self._overwrite.isChecked())

    def set_folder(self, folder: Path) -> None:
        """Propose a folder."""
        self._folder.setText(str(folder))

    def set_draft(self, draft: bool) -> None:
        """Offer what a draft can have; the choice for a validated export is kept."""
        self._draft = draft
        for name in ("cell_index", "dynaclr_data", "collection"):
            self._boxes[name].setEnabled(not draft)
        config = DRAFT_NAME if draft else FILE_NAMES["config"]
        self._boxes["config"].setText(f"{config}: {_PURPOSES['config']}")
        self.look()

    def why_not(self) -> str:
        """Say why these options do not do; empty if they do."""
        text = self._folder.text().strip()
        if not text:
            return "Choose a folder"
        if is_url(text):
            return "Choose a folder on this machine"
        if not self.formats:
            return "Choose some files"
        if self._existing() and not self.overwrite:
            return "Files are there already: tick “Replace files that are there”"
        return ""

    def look(self) -> None:
        """See which files are there now."""
        existing = self._existing()
        verb = "will be replaced" if self.overwrite else "is there already"
        if len(existing) > 1 and not self.overwrite:
            verb = "are there already"
        words = f"{', '.join(existing)} {verb}." if existing else ""
        if existing and not self.overwrite and self._written.issuperset(self._paths_of(existing)):
            # What was just written is no obstacle that somebody met.
            words = "To export there once more, tick “Replace files that are there”."
        self._there.setText(words)
        self._there.setVisible(bool(existing))
        self.changed.emit()

    def set_written(self, files: Iterable[Path]) -> None:
        """Say which files were just written."""
        self._written = {path.resolve() for path in files}
        self.look()

    def _paths_of(self, names: Iterable[str]) -> set[Path]:
        return {(self.folder / name).resolve() for name in names}

    def _existing(self) -> list[str]:
        text = self._folder.text().strip()
        if not text or is_url(text):
            return []
        found = []
        for name in self.formats:
            file = DRAFT_NAME if name == "config" and self._draft else FILE_NAMES[name]
            try:
                if (self.folder / file).exists():
                    found.append(file)
            except OSError:
                return []
        return found

    def _choose(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder for the export", str(self.folder))
        if name:
            self._folder.setText(name)


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
