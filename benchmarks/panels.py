"""Pictures of every panel, as wide as screens are, in both themes: ``python -m benchmarks.panels``.

They are to be looked at. What a table can say of them is said: controls that are cut.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from benchmarks.desk import own_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZES = ((1366, 768), (1920, 1080), (2560, 1440))
THEMES = ("dark", "light")
_MOST_WAIT_SECONDS = 300


def main() -> None:
    """Take the pictures of a config, by default of the sample with its faults."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.panels", description=__doc__)
    parser.add_argument("folder", type=Path, help="gets the pictures")
    parser.add_argument("--config", type=Path, help="of which; else the sample is simulated")
    parser.add_argument("--size", action="append", help="as 1366x768; all three by default")
    parser.add_argument("--theme", action="append", choices=THEMES, help="both by default")
    parser.add_argument("--dock", type=int, help="make the dock so wide, in pixels")
    parser.add_argument("--panel", action="append", help="all by default")
    options = parser.parse_args()
    sizes = [tuple(map(int, size.split("x"))) for size in options.size or ()] or SIZES
    folder = options.folder.resolve()
    console = Console()
    with own_settings(folder):
        # Before anything of napari's is imported: it reads its settings then.
        from lineage_triplets.plugin.start.sample import make_sample

        config = options.config or make_sample(folder / "sample")
        for theme in options.theme or THEMES:
            for size in sizes:
                taken = Pictures(folder, config, theme, size, options.dock)
                for line in taken.take(options.panel):
                    console.print(line, highlight=False, soft_wrap=True)


class Pictures:
    """A window of one size in one theme, and its pictures."""

    def __init__(
        self, folder: Path, config: Path, theme: str, size: tuple[int, int], dock: int | None
    ) -> None:
        import napari
        from qtpy.QtCore import QSettings, Qt

        from lineage_triplets.plugin.demo.clicks import Hand
        from lineage_triplets.plugin.manifest import review_widget

        QSettings.setPath(
            QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(folder / "settings")
        )
        self.name = f"{theme}-{size[0]}" + (f"-dock{dock}" if dock else "")
        self.folder = folder
        self.viewer = napari.Viewer(show=False)
        self.viewer.theme = theme
        self.viewer.show()
        self.viewer.window.resize(*size)
        self.viewer.window._qt_window.move(0, 0)  # noqa: SLF001 - the window itself
        self.widget = review_widget(self.viewer)
        self.hand = Hand(self.viewer, self.widget, folder)
        self.hand.wait(0.3)
        if dock is not None:
            parent = self.widget.parent()
            self.viewer.window._qt_window.resizeDocks(  # noqa: SLF001
                [parent], [dock], Qt.Orientation.Horizontal
            )
        self.hand.picture(f"{self.name}-welcome")
        decisions = folder / f"{self.name}.db"
        decisions.unlink(missing_ok=True)
        self.widget.start_opening(config, by="ada", decisions=decisions)
        self.hand.until(lambda: self.widget.session.review is not None, "the config is open")
        # Tables are placed and channels looked at: minutes, where others work too.
        for _ in range(_MOST_WAIT_SECONDS):
            if not self.widget.session.work.running:
                break
            self.hand.wait(1.0)
        self.hand.idle()

    def take(self, wanted: list[str] | None) -> Iterator[str]:
        """Take all pictures; gives a line for each control that is cut."""
        from qtpy.QtWidgets import QAbstractItemView

        hand = self.hand
        yield f"{self.name}: the dock is {self.widget.width()} pixels wide"
        try:
            for title in self.widget.panels:
                if wanted and title not in wanted:
                    continue
                self.widget.show_panel(title)
                hand.idle()
                _begin(title)(hand)
                hand.wait(0.5)
                hand.picture(f"{self.name}-{title.lower()}")
                for words in cut_off(self.widget):
                    yield f"{self.name} {title}: {words}"
                if title == "Audit" and hand.find("audit_list", QAbstractItemView):
                    from qtpy.QtCore import Qt

                    hand.key("audit_list", Qt.Key.Key_Return)
                    hand.until(lambda: _is_there(hand, "audit_pair"), "pairs are there")
                    hand.wait(1.0)
                    hand.picture(f"{self.name}-audit-judging")
                    for words in cut_off(self.widget):
                        yield f"{self.name} judging: {words}"
        finally:
            self.viewer.close()


def _begin(title: str) -> Callable[[Any], None]:
    """Give what brings something onto a panel."""
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QAbstractItemView, QCheckBox

    def browse(hand: Any) -> None:
        if not hand.find("has_divisions", QCheckBox).isChecked():
            hand.click("has_divisions")
        hand.click_row("lineage_table", 0)
        hand.key("lineage_tree", Qt.Key.Key_Down)
        hand.key("lineage_table", Qt.Key.Key_R)
        hand.write("reason", "debris beside the cell")

    def pairs(hand: Any) -> None:
        hand.find("pair_gallery", QAbstractItemView).setFocus()
        hand.key("pair_gallery", Qt.Key.Key_Return)

    def problems(hand: Any) -> None:
        hand.click("next_finding")

    def links(hand: Any) -> None:
        hand.until(lambda: _is_there(hand, "link_picture"), "links are weighed")

    return {"Browse": browse, "Pairs": pairs, "Problems": problems, "Links": links}.get(
        title, lambda _hand: None
    )


def _is_there(hand: Any, name: str) -> bool:
    from qtpy.QtWidgets import QWidget

    from lineage_triplets.plugin.demo.clicks import NotThereError

    try:
        hand.find(name, QWidget)
    except NotThereError:
        return False
    return True


def cut_off(top: Any) -> list[str]:
    """Say which controls have less room than they need, and nothing that says the rest."""
    from qtpy.QtWidgets import QAbstractButton, QComboBox, QLabel, QWidget

    said = []
    for child in top.findChildren(QWidget):
        if not child.isVisible() or not (child.objectName() or isinstance(child, QLabel)):
            continue
        if isinstance(child, (QAbstractButton, QComboBox, QLabel)):
            needed, there = child.minimumSizeHint(), child.size()
            if isinstance(child, QLabel) and not child.wordWrap():
                needed = child.sizeHint()
            short = needed.width() > there.width() + 1 or needed.height() > there.height() + 1
            if short:
                said.append(
                    f"{type(child).__name__} {child.objectName()} needs "
                    f"{needed.width()}x{needed.height()}, has {there.width()}x{there.height()}"
                )
    return said


if __name__ == "__main__":
    main()
