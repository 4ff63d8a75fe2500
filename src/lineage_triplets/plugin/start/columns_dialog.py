"""Shows the first rows of an unknown table, and asks which column is which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.plugin.common.keys import KeyButton
from lineage_triplets.plugin.common.tab_order import go_round
from lineage_triplets.plugin.common.views import FittedTable, words_label
from lineage_triplets.plugin.start.columns import COLUMNS, PARENT, guessed, offered, reading_of
from lineage_triplets.plugin.start.parts import COLUMN_KEYS, labelled, words_of
from lineage_triplets.plugin.start.recognise import Refused, table_as_said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.engine.tracks.guess import ColumnGuess
    from lineage_triplets.plugin.common.work import Job, Work
    from lineage_triplets.plugin.start.draft import FoundTable
    from lineage_triplets.plugin.start.recognise import UnknownTable

_CHOOSE, _NONE = "choose…", "(none)"
_LABELS = {
    "track_id": ("&Track", "The id of the track that a cell is of"),
    "t": ("&Frame", "The frame of the movie"),
    "y": ("&y", "The row, or the position downwards"),
    "x": ("&x", "The column, or the position to the right"),
    "z": ("&z", "The slice, if there are several"),
    "id": ("&Cell", "A cell's own id, which parents may name"),
    PARENT: ("&Parent", "The track, or the cell, that it comes from"),
}
_NEEDED = ("t", "y", "x")
_MOST_FRAME = 1_000_000


class ColumnsDialog(QDialog):
    """Which column of a table is which, as it was guessed, to be set right.

    Parameters
    ----------
    guess : ColumnGuess

    Attributes
    ----------
    chosen : Signal(object, object)
        Gets the `TrackReading`, and the `TrackTransform` or None.
    """

    chosen = Signal(object, object)

    def __init__(self, guess: ColumnGuess, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("columns")
        self.setWindowTitle(f"Columns of {guess.file.name}")
        self.resize(700, 440)
        self._combos: dict[str, QComboBox] = {}
        layout = QVBoxLayout(self)
        said = words_label("columns_said", self)
        notes = "".join(f" {note}" for note in guess.notes)
        said.setText(f"{guess.file.name} has the columns of no known tool. Which is which?{notes}")
        layout.addWidget(said)
        self._preview = FittedTable("columns_preview", "First rows of the table", self)
        width = len(guess.found)
        rows = [[*row[:width], *[""] * (width - len(row))] for row in guess.preview]
        self._preview.show_frame(pd.DataFrame(rows, columns=list(guess.found)))
        layout.addWidget(self._preview)
        grid = QGridLayout()
        told = guessed(guess)
        for number, ours in enumerate(COLUMNS):
            self._ask(grid, number, ours, guess, told[ours])
        self._kind = self._choice(
            grid, 7, "Parents &are", "parent_kind", ("tracks", "cells"), "What a parent's id is of"
        )
        reading, transform = guess.reading, guess.transform
        self._kind.setCurrentIndex(int(reading is not None and reading.parent == "node"))
        units = ("pixels", "micrometres")
        self._unit = self._choice(
            grid, 8, "Positions are &in", "position_unit", units, "What y, x and z count"
        )
        self._unit.setCurrentIndex(int(transform is not None and transform.unit == "um"))
        self._first = QSpinBox(self)
        self._first.setRange(-_MOST_FRAME, _MOST_FRAME)
        self._first.setValue(0 if transform is None else transform.first_frame)
        tip = "The number of the images' first frame in the table"
        _place(grid, 9, "Fi&rst frame", "first_frame", self._first, tip)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        layout.addLayout(grid)
        self._words = words_label("columns_words", self)
        layout.addWidget(self._words)
        layout.addStretch(1)
        box = QDialogButtonBox(self)
        self._take = box.addButton("Read it so", QDialogButtonBox.ButtonRole.AcceptRole)
        self._take.setObjectName("take_columns")
        cancel = box.addButton(QDialogButtonBox.StandardButton.Cancel)
        cancel.setObjectName("cancel_columns")
        keys = KeyButton("columns_keys", (COLUMN_KEYS,), self, box)
        keys.setAutoDefault(False)
        box.addButton(keys, QDialogButtonBox.ButtonRole.HelpRole)
        box.accepted.connect(self._on_taken)
        box.rejected.connect(self.reject)
        layout.addWidget(box)
        self._look()

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Go by Tab as the window is read, line after line."""
        return go_round(self, forward=forward)

    def say(self, words: str) -> None:
        """Say why the table cannot be read so."""
        self._look()
        self._words.setText(words)

    def _ask(
        self, grid: QGridLayout, number: int, ours: str, guess: ColumnGuess, told: str
    ) -> None:
        text, tip = _LABELS[ours]
        is_open = ours in guess.open or (ours in _NEEDED and not told)
        without = () if ours in _NEEDED else (_NONE,)
        first = (_CHOOSE,) if is_open else ()
        choices = (*first, *without, *offered(guess, ours))
        combo = self._choice(grid, number, text, f"column_{ours}", choices, tip)
        if ours in guess.sure:
            combo.setToolTip(f"{tip}. {guess.sure[ours]}")
        if told and not is_open:
            combo.setCurrentText(told)
        self._combos[ours] = combo

    def _choice(
        self, grid: QGridLayout, number: int, text: str, name: str, choices: Sequence[str], tip: str
    ) -> QComboBox:
        combo = QComboBox(self)
        combo.addItems(list(choices))
        combo.activated.connect(lambda _: self._look())
        _place(grid, number, text, name, combo, tip)
        return combo

    def _look(self) -> None:
        """Say what is still to be chosen."""
        texts = {ours: combo.currentText() for ours, combo in self._combos.items()}
        open_ones = [ours for ours, text in texts.items() if text == _CHOOSE]
        still = [_LABELS[ours][0].replace("&", "") for ours in open_ones]
        self._words.setText(f"Still to be chosen: {', '.join(still)}." if still else "")
        self._take.setEnabled(not still)

    def _on_taken(self) -> None:
        texts = {ours: combo.currentText() for ours, combo in self._combos.items()}
        try:
            reading, transform = reading_of(
                {ours: "" if text == _NONE else text for ours, text in texts.items()},
                parents_are_cells=self._kind.currentIndex() == 1,
                in_um=self._unit.currentIndex() == 1,
                first_frame=self._first.value(),
            )
        except ConfigError as error:
            self.say(words_of(error))
            return
        self._take.setEnabled(False)
        self._words.setText("Reading …")
        self.chosen.emit(reading, transform)


def ask_columns(
    work: Work, parent: QWidget, unknown: UnknownTable, done: Callable[[FoundTable], object]
) -> None:
    """Ask which column is which until the table can be read; it is read beside the event loop."""
    asked = ColumnsDialog(unknown.guess, parent)
    asked.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def read(reading: TrackReading, transform: TrackTransform | None) -> None:
        def run(_: Job) -> FoundTable | Refused:
            return table_as_said(unknown.path, reading, transform)

        def take(table: FoundTable | Refused) -> None:
            if isinstance(table, Refused):
                asked.say(table.words)
            else:
                asked.accept()
                done(table)

        work.start(asked, f"Reading {unknown.path}", run, take)

    asked.chosen.connect(read)
    asked.open()


def _place(grid: QGridLayout, number: int, text: str, name: str, widget: QWidget, tip: str) -> None:
    """Put a widget and its label into the next place of two columns."""
    row, column = divmod(number, 2)
    grid.addWidget(labelled(text, name, tip, widget), row, 2 * column)
    grid.addWidget(widget, row, 2 * column + 1)
