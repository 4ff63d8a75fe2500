"""The dock widget: a config under review, its panels, and what is under way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QDockWidget,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.plugin.audit.panel import AuditPanel
from lineage_triplets.plugin.board.panel import BoardPanel
from lineage_triplets.plugin.browse.panel import BrowsePanel
from lineage_triplets.plugin.channels.panel import ChannelsPanel
from lineage_triplets.plugin.common.bad_fov import BadFov
from lineage_triplets.plugin.common.dock import DockRoom
from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import KeyButton, bind
from lineage_triplets.plugin.common.outlines import OutlineSwitch
from lineage_triplets.plugin.common.panels import Panels
from lineage_triplets.plugin.common.remembered import Remembered
from lineage_triplets.plugin.common.said import CountBar
from lineage_triplets.plugin.common.session import Session
from lineage_triplets.plugin.common.tab_order import give_focus, next_by_tab, next_outside
from lineage_triplets.plugin.common.tails import TailSwitch
from lineage_triplets.plugin.common.views import Messages
from lineage_triplets.plugin.export.panel import ExportPanel
from lineage_triplets.plugin.links.panel import LinksPanel
from lineage_triplets.plugin.pairs.panel import PairsPanel
from lineage_triplets.plugin.problems.panel import ProblemsPanel
from lineage_triplets.plugin.start.new_config import NewConfigDialog
from lineage_triplets.plugin.start.parts import dropped_paths
from lineage_triplets.plugin.start.sample import JOB_NAME, sample_folder, sample_job
from lineage_triplets.plugin.start.welcome import Welcome
from lineage_triplets.plugin.viewer.keeper import LayerKeeper
from lineage_triplets.plugin.viewer.keys import ViewerKeys
from lineage_triplets.qc.record import DecisionsError, ReviewInUseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from qtpy.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent

_TITLE_CHARACTERS, _LEAST_CHARACTERS = 18, 52
_REST_MS = 250
_HOMES = {
    "Board": ("board_tiles",),
    "Browse": ("lineage_table",),
    "Pairs": ("pair_gallery",),
    "Problems": ("finding_list",),
    "Links": ("link_looking",),
    "Audit": ("audit_judging", "audit_list"),
}
"""Where the keys of a panel work, by ``objectName``; the others begin with their first control."""


class ReviewWidget(QWidget):
    """Review of one config: Board, Browse, Pairs, Channels, Problems, Links, Audit, Export.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer that images and tracks are shown in.
    """

    def __init__(self, napari_viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lineage_triplets")
        self.setAcceptDrops(True)
        # Of panels that were not shown yet nobody knows how narrow they can be.
        self.setMinimumWidth(_LEAST_CHARACTERS * self.fontMetrics().averageCharWidth())
        # Not children of the widget: they outlive it by the moment that tidying up takes.
        self.session = Session()
        self.layers = LayerKeeper(napari_viewer, self.session)
        self.messages = Messages(self.session, self)
        self.remembered = Remembered()
        self.room = DockRoom(self, self.remembered)
        self._options: dict[str, Any] = {}
        # Before what is below: who comes in by Tab comes to it first.
        head = self._head()
        self.tabs = Panels(self)
        self._browse = browse = BrowsePanel(self.session, self)
        browse.wanted.connect(lambda: self.show_panel("Browse"))
        export = ExportPanel(self.session, self)
        export.panel_wanted.connect(self.show_panel)
        board = BoardPanel(self.session, self)
        board.fov_wanted.connect(lambda: self.show_panel("Browse"))
        self.panels: dict[str, QWidget] = {
            "Board": board,
            "Browse": browse,
            "Pairs": PairsPanel(self.session, self),
            "Channels": ChannelsPanel(self.session, self),
            "Problems": ProblemsPanel(self.session, self),
            "Links": LinksPanel(self.session, self),
            "Audit": AuditPanel(self.session, self),
            "Export": export,
        }
        for title, panel in self.panels.items():
            self.tabs.add_panel(panel, title, _HOMES.get(title, ()))
        self.show_panel("Browse")
        self.welcome = Welcome(self)
        self.welcome.open_wanted.connect(self._ask_for_config)
        self.welcome.new_wanted.connect(self.make_config)
        self.welcome.sample_wanted.connect(self.open_sample)
        self.welcome.recent_wanted.connect(self.start_opening)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self.tabs)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(head)
        layout.addWidget(self.messages)
        self.bad_fov = BadFov(self.session, self.tabs, self)
        layout.addWidget(self.bad_fov)
        layout.addWidget(self._pages, 1)
        layout.addLayout(self._foot())
        self.session.opened.connect(self._on_opened)
        self.session.closed.connect(self._on_closed)
        for panel in self.panels.values():
            bind(panel, "O", self.outlines.click)
            bind(panel, "T", self.tails.click)
        for title in ("Browse", "Pairs", "Channels", "Problems", "Links"):
            bind(self.panels[title], "X", self.bad_fov.ask).setAutoRepeat(False)
        self.session.unloadable.connect(self._on_unloadable)
        self.session.opening.connect(self._on_opening)
        self.session.work.progressed.connect(self._on_progress)
        self.session.work.finished.connect(self._on_finished)
        self._on_closed()
        for panel in (self.panels["Channels"], self.panels["Export"]):
            bind(panel, "Ctrl+Z", browse.bar.undo.click)
            bind(panel, "Ctrl+Shift+Z", browse.bar.redo.click)
        self.viewer_keys = ViewerKeys(napari_viewer, self.tabs)
        self._remember()
        session, layers, keys, room = self.session, self.layers, self.viewer_keys, self.room
        self.destroyed.connect(lambda: _leave(session, layers, keys, room))

    def _remember(self) -> None:
        """Come back as it was, and remember from now on what becomes of it."""
        if self.remembered.panel in self.panels:
            self.show_panel(self.remembered.panel)
        self.tabs.currentChanged.connect(self._on_panel)
        for splitter in self.tabs.findChildren(QSplitter):
            # That of more parts is shared out anew by what is in them.
            if splitter.objectName() and splitter.count() == 2:
                self.remembered.restore(splitter)

    def _on_panel(self, number: int) -> None:
        self.remembered.panel = self.tabs.tabText(number)

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Go by Tab through what is seen, and then out of the widget."""
        focus = self.focusWidget()
        found = next_by_tab(self, focus, forward=forward) or next_outside(self, forward=forward)
        if found is not None:
            give_focus(found, forward=forward)
        return found is not None

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """List keys by F1 where no panel has the focus, and go to panels by Ctrl+Tab."""
        button = self._keys_button()
        if event.key() == Qt.Key.Key_F1 and button is not None:
            button.click()
        elif event.key() in {Qt.Key.Key_Tab, Qt.Key.Key_Backtab} and self.tabs.isVisible():
            self.tabs.keyPressEvent(event)
        else:
            super().keyPressEvent(event)

    def _keys_button(self) -> KeyButton | None:
        page = self._pages.currentWidget()
        shown = self.tabs.currentWidget() if page is self.tabs else page
        return next((button for button in shown.findChildren(KeyButton)), None)

    def open_config(self, path: str | Path, **options: Any) -> bool:
        """Open a config for review; says in the widget why it cannot be opened.

        Returns
        -------
        bool
            Whether it is open.
        """
        self.messages.clear()
        self._options = options
        try:
            self.session.open(path, **options)
        except LineageTripletsError as error:
            self._say_why_not(error, path, options)
            return False
        return True

    def start_opening(self, path: str | Path, **options: Any) -> None:
        """Open a config as `open_config`, without holding up the event loop."""
        self.messages.clear()
        self._options = options
        self.session.start_opening(
            path, lambda error: self._say_why_not(error, path, options), **options
        )

    def open_sample(self) -> None:
        """Open the sample; it is simulated beside the event loop the first time."""
        self.session.work.start(self, JOB_NAME, sample_job(sample_folder()), self.start_opening)

    def make_config(self, paths: Sequence[str | Path] = ()) -> None:
        """Begin a new config, or go on with the one that is being made.

        Parameters
        ----------
        paths : sequence of str or Path
            Images, plates and tables to begin with.
        """
        dialog = self.findChild(NewConfigDialog)
        if dialog is None:
            dialog = NewConfigDialog(self.session.work, self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.saved.connect(self._open_new)
            dialog.open()
        if paths:
            dialog.add(paths)

    def _say_why_not(
        self, error: LineageTripletsError, path: str | Path, options: dict[str, Any]
    ) -> None:
        if isinstance(error, ReviewInUseError):
            self.messages.show_in_use(
                error,
                lambda: self.start_opening(path, **{**options, "take_over": True}),
                lambda: self.start_opening(path, **{**options, "read_only": True}),
            )
        elif isinstance(error, DecisionsError):
            self.messages.show_no_decisions(
                error,
                lambda: self._ask_for_decisions(path, options),
                lambda: self.start_opening(path, **{**options, "read_only": True}),
                lambda: self.start_opening(path, **options),
            )
        else:
            self.messages.show_problems(error.problems, lambda: self.start_opening(path, **options))

    def _ask_for_decisions(self, path: str | Path, options: dict[str, Any]) -> None:
        proposed = Path.home() / f"{Path(path).name}.review.db"
        name, _ = QFileDialog.getSaveFileName(
            self,
            "Keep the decisions in",
            str(proposed),
            "Decisions (*.db)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            self.start_opening(path, **{**options, "decisions": name})

    def show_panel(self, title: str) -> None:
        """Bring a panel to the front."""
        self.tabs.setCurrentWidget(self.panels[title])

    def _head(self) -> FlowLayout:
        self._title = QElidingLabel(self)
        self._title.setObjectName("config_name")
        self._title.setStyleSheet("font-weight: bold")
        self._title.setElideMode(Qt.TextElideMode.ElideMiddle)
        self._title.setMinimumWidth(_TITLE_CHARACTERS * self.fontMetrics().averageCharWidth())
        self.tails = TailSwitch(self.session, self)
        self.outlines = OutlineSwitch(self.session, self)
        self._beside = QCheckBox("Layers", self)
        self._beside.setObjectName("show_layers")
        self._beside.setToolTip("Show napari's layer list and layer controls beside the review")
        self._beside.clicked.connect(self.room.show_layers)
        self.room.layers_shown.connect(self._beside.setChecked)
        new = QPushButton("New config…", self)
        new.setObjectName("new_config_button")
        new.setToolTip("Make a config from images, plates and their track tables")
        new.clicked.connect(lambda _: self.make_config())
        open_one = QPushButton("Open config…", self)
        open_one.setObjectName("open_config")
        open_one.setToolTip("Open a config for review (Ctrl+Shift+O)")
        open_one.setShortcut("Ctrl+Shift+O")
        open_one.clicked.connect(self._ask_for_config)
        again = QPushButton("Open again", self)
        again.setObjectName("open_recent")
        again.setToolTip("Open one of the configs that were open last")
        self._recent = QMenu(again)
        self._recent.setObjectName("recent_configs")
        self._recent.aboutToShow.connect(self._fill_recent)
        again.setMenu(self._recent)
        head = FlowLayout()
        head.addWidget(self._title, 1)
        for control in (self.tails, self.outlines, self._beside, new, open_one, again):
            head.addWidget(control)
        return head

    def _foot(self) -> QHBoxLayout:
        self._progress = CountBar("progress", self)
        self._rests = QTimer(self)
        self._rests.setSingleShot(True)
        self._rests.setInterval(_REST_MS)
        self._cancel = QPushButton("Stop", self)
        self._cancel.setObjectName("stop_work")
        self._cancel.setToolTip("Stop what is under way; what is finished is kept")
        self._cancel.clicked.connect(self.session.work.cancel_all)
        self._opening = QLabel(self)
        self._opening.setObjectName("opening")
        self._opening.hide()
        # There all the time: what is told moves nothing under the mouse.
        self._status = QElidingLabel(self)
        self._status.setObjectName("status")
        self._status.setMinimumHeight(self._cancel.sizeHint().height())
        self.session.told.connect(self._tell)
        foot = QHBoxLayout()
        for line in (self._status, self._opening, self._progress):
            foot.addWidget(line, 1)
        foot.addWidget(self._cancel)
        self._progress.hide()
        self._cancel.hide()
        return foot

    def _tell(self, words: str) -> None:
        self._status.setText(words.replace("\n", " "))
        self._status.setToolTip(words)

    def _ask_for_config(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Open a config", self._folder(), "Configs (*.yml *.yaml)"
        )
        if name:
            self.start_opening(name)

    def _open_new(self, path: str) -> None:
        self._browse.show_first()
        self.start_opening(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take files and folders."""
        if dropped_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Open a config that is dropped; of all else begin a new one."""
        event.acceptProposedAction()
        paths = dropped_paths(event)
        if len(paths) == 1 and paths[0].lower().endswith((".yml", ".yaml")):
            self.start_opening(paths[0])
        else:
            self.make_config(paths)

    def _folder(self) -> str:
        recent = self.remembered.recent
        return str(Path(recent[0]).parent) if recent else ""

    def _fill_recent(self) -> None:
        self._recent.clear()
        for name in self.remembered.recent:
            self._recent.addAction(name, lambda name=name: self.start_opening(name))
        if self._recent.isEmpty():
            self._recent.addAction("No recent configs").setEnabled(False)

    def _on_opened(self) -> None:
        review = self.session.review
        if review is not None:
            only = " (read-only)" if review.log.read_only else ""
            self._title.setText(f"{review.config_path.name}{only}")
            self._title.setToolTip(str(review.config_path))
            self.tabs.setEnabled(True)
            self._pages.setCurrentWidget(self.tabs)
            self._take_focus()
            self.remembered.add_recent(review.config_path)

    def _take_focus(self) -> None:
        """Let keys go to the panel in front, unless somebody works in another dock."""
        focus = self.window().focusWidget()
        while focus is not None and not isinstance(focus, QDockWidget):
            focus = focus.parentWidget()
        if focus is None or focus.isAncestorOf(self):
            self.tabs.go_in()

    def _on_unloadable(self, error: LineageTripletsError) -> None:
        review = self.session.review
        if review is not None:
            path, options = review.config_path, self._options
            self.messages.show_problems(
                review.load_problems() or error.problems,
                lambda: self.start_opening(path, **options),
                covered=str(error),
            )

    def _on_closed(self) -> None:
        self._title.setText("No config is open")
        self._tell("")
        self.tabs.setEnabled(False)
        self.welcome.show_recent(self.remembered.recent)
        self._pages.setCurrentWidget(self.welcome)

    def _on_opening(self, name: str) -> None:
        self._opening.setText(f"Opening {name}…")
        self._opening.setVisible(bool(name))
        self._cancel.setVisible(bool(name))

    def _on_progress(self, name: str, done: int, total: int) -> None:
        # Whatever is drawn, the whole window is put together anew: several jobs tell of many steps.
        if self._rests.isActive():
            return
        self._rests.start()
        self._progress.set_count(done, total, f"{name}: {100 * done // max(total, 1)}%")
        self._progress.show()
        self._cancel.show()

    def _on_finished(self) -> None:
        if not self.session.work.running:
            self._progress.hide()
            self._cancel.hide()


def _leave(session: Session, layers: LayerKeeper, keys: ViewerKeys, room: DockRoom) -> None:
    """Leave nothing behind once the widget is gone; its Qt children are gone already."""
    # They go first where the program ends without closing the window.
    if all(map(isalive, (session, layers, room))):
        keys.leave()
        room.leave()
        layers.leave()
        session.end()
        # Views that are gone and the session hold each other, out of sight of the collector.
        layers.deleteLater()
        room.deleteLater()
        session.deleteLater()
