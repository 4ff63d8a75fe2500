"""New config: from images, plates and track tables to a YAML that opens for review."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.engine.errors import LineageTripletsError, choices
from lineage_triplets.plugin.common.field import Field
from lineage_triplets.plugin.common.keys import KeyButton
from lineage_triplets.plugin.common.tab_order import go_round
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.plugin.start.columns_dialog import ask_columns
from lineage_triplets.plugin.start.draft import (
    ConfigDraft,
    DraftPlate,
    FoundTable,
    folder_of,
    together_of,
)
from lineage_triplets.plugin.start.draft_tables import WellTable
from lineage_triplets.plugin.start.images import (
    Images,
    import_job,
    parsed,
    planned,
    put_together,
    with_answer,
)
from lineage_triplets.plugin.start.parts import (
    KEYS,
    draft_view,
    dropped_paths,
    heading,
    part,
    quiet_button,
    some_lines,
    words_of,
)
from lineage_triplets.plugin.start.progress import ImportProgress
from lineage_triplets.plugin.start.recognise import (
    Refused,
    UnknownTable,
    recognise,
    tables_of,
)
from lineage_triplets.plugin.start.slot_list import SlotList
from lineage_triplets.plugin.start.sources_view import SourcesView
from lineage_triplets.plugin.start.target_row import TargetRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QDragEnterEvent, QDropEvent

    from lineage_triplets.plugin.common.work import Job, Work
    from lineage_triplets.plugin.start.images import Imported
    from lineage_triplets.plugin.start.recognise import Recognised

_FILE_NAME = "experiments.yml"
_MOST_MISSING = 4
_SIZE = (900, 660)


class NewConfigDialog(QDialog):
    """Images and plates, their tables, intervals, conditions and slots; saves a config.

    Parameters
    ----------
    work : Work
        Reads, and imports, beside the event loop.

    Attributes
    ----------
    saved : Signal(str)
        Gets the config that was written.
    """

    saved = Signal(str)

    def __init__(self, work: Work, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("new_config")
        self.setWindowTitle("New config")
        self.setAcceptDrops(True)
        self.resize(*_SIZE)
        self._work = work
        self._draft = ConfigDraft()
        self._error = ""
        self._stopping = threading.Event()
        work.failed.connect(self._say)
        work.waits.connect(self._say)
        self._body = QWidget(self)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.addWidget(heading("Images and their track tables"))
        self._sources = SourcesView(self._draft, self)
        self._sources.paths_wanted.connect(self.add)
        self._sources.tables_wanted.connect(self._look_at_tables)
        self._sources.table_given.connect(self._give)
        self._sources.together_wanted.connect(self._put_together)
        self._sources.changed.connect(self._on_sources)
        self._sources.form.answered.connect(self._answer)
        self._sources.form.out_named.connect(lambda name: self._set_images(out=Path(name)))
        self._sources.form.resume_wanted.connect(lambda on: self._set_images(resume=on))
        body.addWidget(self._sources, 5)
        beside = QHBoxLayout()
        beside.addWidget(self._conditions(), 3)
        beside.addWidget(self._slots(), 2)
        body.addLayout(beside, 4)
        self._target = TargetRow(self)
        self._target.changed.connect(self._on_typed)
        body.addWidget(self._target)
        layout = QVBoxLayout(self)
        layout.addWidget(self._body, 1)
        self._words = words_label("new_config_words", self)
        layout.addWidget(self._words)
        self._progress = ImportProgress(self)
        self._progress.stopped.connect(self._stopping.set)
        work.progressed.connect(self._progress.show_step)
        layout.addWidget(self._progress)
        layout.addWidget(self._buttons())
        self._look()

    def add(self, paths: Sequence[str | Path], row: int = -1) -> None:
        """Recognise files, folders and URLs beside the event loop, and add what they are.

        Parameters
        ----------
        paths : sequence of str or Path
        row : int
            Whose tables they are, where they are tables; -1 for whoever fits.
        """

        def run(_: Job) -> list[Recognised]:
            return recognise(paths)

        def take(found: list[Recognised]) -> None:
            is_table = [not isinstance(known, DraftPlate) for known in found]
            if is_table == [True] and row >= 0:
                self._look_at_tables(row, str(paths[0]))
            else:
                self._got(found)

        self._reading(paths)
        self._work.start(self, f"Reading {choices(paths)}", run, take)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's
        """Take files and folders."""
        if dropped_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's
        """Add what was dropped; a table to the row that it was dropped onto."""
        paths = dropped_paths(event)
        place = self.mapToGlobal(event.position().toPoint())
        if paths and self._body.isEnabled():
            self.add(paths, self._sources.row_at(place))
        event.acceptProposedAction()

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Go by Tab as the window is read, part after part."""
        return go_round(self, forward=forward)

    def done(self, result: int) -> None:
        """Stop an import before the window closes."""
        self._stopping.set()
        super().done(result)

    def _conditions(self) -> QWidget:
        self._wells = WellTable(self._draft, self)
        self._wells.changed.connect(self._on_typed)
        self._well_view = draft_view(self._wells, "wells", "Wells and conditions")
        self._condition = Field("Condition of the selected wells", self)
        self._condition.setObjectName("condition_of_selected")
        self._condition.setAccessibleName("Condition of the selected wells")
        self._condition.returnPressed.connect(self._set_condition)
        row = QHBoxLayout()
        row.addWidget(self._condition, 1)
        tip = "Give it to the selected wells"
        row.addWidget(quiet_button("S&et", "set_condition", tip, self._set_condition))
        return part("Conditions", self._well_view, row)

    def _slots(self) -> QWidget:
        self._slot_list = SlotList(self)
        self._slot_list.changed.connect(self._on_typed)
        return part("Channels in the slots", self._slot_list)

    def _buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox(self)
        self._save = box.addButton("Save and open", QDialogButtonBox.ButtonRole.AcceptRole)
        self._save.setObjectName("save_config")
        self._save.setToolTip("Import what is no plate, write the config, and open it for review")
        cancel = box.addButton(QDialogButtonBox.StandardButton.Cancel)
        cancel.setObjectName("cancel_config")
        keys = KeyButton("new_config_keys", (KEYS,), self, box)
        box.addButton(keys, QDialogButtonBox.ButtonRole.HelpRole)
        # Enter in a line edit is about that line.
        for button in box.buttons():
            button.setAutoDefault(False)
        self._save.setDefault(False)
        box.accepted.connect(self._write)
        box.rejected.connect(self.reject)
        return box

    def _reading(self, paths: Sequence[str | Path]) -> None:
        self._say("")
        self._words.setText(f"Reading {choices(Path(path).name for path in paths)} …")

    def _got(self, found: list[Recognised]) -> None:
        """Add plates and images first: tables look for theirs among them."""
        said = [refused.words for refused in found if isinstance(refused, Refused)]
        row = self._sources.row
        for plate in found:
            if isinstance(plate, DraftPlate):
                self._propose_file(plate)
                try:
                    is_new = self._draft.add(plate)
                except LineageTripletsError as error:
                    said.append(words_of(error))
                    is_new = True
                row = len(self._draft.plates) - 1 if is_new else row
                said += [] if is_new else [f"{plate.name} is there already."]
        for table in found:
            if isinstance(table, FoundTable):
                try:
                    self._draft.add_table(table)
                except LineageTripletsError as error:
                    said.append(words_of(error))
        for unknown in found:
            if isinstance(unknown, UnknownTable):
                self._ask_columns(unknown, -1)
        if len(said) < len(found):
            self._sources.clear_path()
        self._show_draft(max(row, 0))
        self._say("\n".join(some_lines(said)))

    def _propose_file(self, plate: DraftPlate) -> None:
        beside = folder_of(plate.source.path)
        if beside is not None:
            self._target.propose(beside / _FILE_NAME)

    def _look_at_tables(self, row: int, path: str) -> None:
        """Read what a person says are the tables of a row."""
        plate = self._draft.plates[row]
        source = plate.source

        def run(_: Job) -> FoundTable | UnknownTable | Refused:
            return tables_of(source, Path(path).expanduser())

        def take(table: FoundTable | UnknownTable | Refused) -> None:
            if isinstance(table, UnknownTable):
                self._ask_columns(table, row)
            if isinstance(table, FoundTable) and plate in self._draft.plates:
                self._draft.forget_table(table)
                plate.take_table(table)
                self._show_draft(self._draft.plates.index(plate))
            self._say(table.words if isinstance(table, Refused) else "")

        self._reading([path])
        self._work.start(self, f"Reading {path}", run, take)

    def _ask_columns(self, unknown: UnknownTable, row: int) -> None:
        """Let a person say which column is which; the table is a row's, or whoever's it fits."""

        def take(table: FoundTable) -> None:
            self._draft.tables.append(table)
            self._give(row, len(self._draft.tables) - 1)

        ask_columns(self._work, self, unknown, take)

    def _give(self, row: int, number: int) -> None:
        """Give one of the draft's tables to a row, or to whoever's it can only be."""
        table = self._draft.tables[number]
        try:
            if row >= 0:
                self._draft.give_table(row, table)
            else:
                self._draft.add_table(table)
        except LineageTripletsError as error:
            self._say(words_of(error))
            return
        self._show_draft(max(row, self._sources.row, 0))
        self._say("")

    def _answer(self, name: str, text: str) -> None:
        """Plan the selected images anew with an answer, beside the event loop."""
        plate = self._sources.selected
        if plate is None or not isinstance(plate.source, Images):
            return
        images = plate.source

        def take(answered: Images | LineageTripletsError) -> None:
            if isinstance(answered, Images):
                plate.source = replace(answered, out=images.out, resume=images.resume)
                self._show_draft(self._sources.row)
            self._say("" if isinstance(answered, Images) else words_of(answered))

        job = planned(lambda: with_answer(images, name, parsed(name, text)))
        self._work.start(self, f"Looking at {images.source}", job, take)

    def _put_together(self, rows: list[int]) -> None:
        """Make one plate of the images of some rows, beside the event loop."""
        plates = [self._draft.plates[row] for row in rows]

        sources = [plate.source for plate in plates if isinstance(plate.source, Images)]

        def take(images: Images | LineageTripletsError) -> None:
            if isinstance(images, Images) and all(plate in self._draft.plates for plate in plates):
                row = self._draft.replace_plates(plates, together_of(plates, images))
                self._show_draft(row)
            self._say("" if isinstance(images, Images) else words_of(images))

        job = planned(lambda: put_together(sources))
        self._work.start(self, f"Putting {len(rows)} sources together", job, take)

    def _set_images(self, **changes: Any) -> None:
        plate = self._sources.selected
        if plate is not None and isinstance(plate.source, Images):
            plate.source = replace(plate.source, **changes)
            self._sources.show_details()
            self._say("")

    def _on_sources(self) -> None:
        self._wells.reset()
        self._slot_list.offer(self._draft.channels())
        self._sources.show_details()
        self._say("")

    def _show_draft(self, row: int) -> None:
        self._sources.show_draft(row)
        self._wells.reset()
        self._slot_list.offer(self._draft.channels())

    def _set_condition(self) -> None:
        for index in self._well_view.selectionModel().selectedRows(2):
            self._wells.setData(index, self._condition.text())

    def _on_typed(self) -> None:
        self._say("")

    def _say(self, error: str) -> None:
        self._error = error
        self._look()

    def _look(self) -> None:
        """Say what is wrong or missing; only then the config cannot be saved."""
        missing = self._draft.missing(self._slot_list.names)
        if not missing and self._target.path is None:
            missing = ["Say where to save the config."]
        n_left = 0 if self._error else len(missing) - _MOST_MISSING
        words = [self._error] if self._error else missing[:_MOST_MISSING]
        words += [f"{n_left} more after these."] if n_left > 0 else []
        if not words:
            slots = ", ".join(f"{k} {name}" for k, name in enumerate(self._slot_list.names))
            unused = (f"Nobody's tables: {table.path}." for table in self._draft.tables)
            words = [f"Slots: {slots}.", *some_lines(unused)]
        self._words.setText("\n".join(words))
        self._save.setEnabled(not missing and not self._progress.name)
        todo = self._draft.to_import() is not None
        self._save.setText("&Import, save and open" if todo else "Save and open")

    def _write(self) -> None:
        """Import what is no plate yet, one after another, and save."""
        path = self._target.path
        if path is None:
            return
        if path.exists() and not self._target.overwrite:
            self._say(f"{path} is there already. Tick “Replace”, or name another file.")
            return
        plate = self._draft.to_import()
        if plate is not None and isinstance(plate.source, Images):
            self._import(plate, plate.source)
            return
        try:
            self._draft.save(path, self._slot_list.names, overwrite=self._target.overwrite)
        except LineageTripletsError as error:
            self._say(words_of(error))
            return
        self.accept()
        self.saved.emit(str(path))

    def _import(self, plate: DraftPlate, images: Images) -> None:
        def take(imported: Imported | LineageTripletsError | None) -> None:
            self._show_importing("")
            if imported is None:
                self._sources.show_details()
                self._say("The import was stopped.")
                return
            if isinstance(imported, LineageTripletsError):
                self._say(words_of(imported))
                return
            plate.take_import(imported)
            self._show_draft(self._draft.plates.index(plate))
            self._say("")
            self._write()

        self._show_importing(f"Importing {plate.name}")
        self._words.setText(f"{images.source.name} becomes {images.out} …")
        self._stopping.clear()
        job = import_job(
            images, plate.minutes or 0.0, plate.tracks, self._stopping,
            reading=plate.reading, transform=plate.transform,
        )  # fmt: skip
        self._work.start(self, self._progress.name, job, take, lambda: self._show_importing(""))

    def _show_importing(self, name: str) -> None:
        """Show how far an import is, with nothing else to touch; hidden for no name."""
        self._save.setEnabled(False)
        self._body.setEnabled(not name)
        self._progress.show_name(name)
