"""The way from a config with faults to a validated export, step by step in a napari window."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import napari
from qtpy.QtCore import QAbstractItemModel, Qt
from qtpy.QtWidgets import QAbstractItemView, QCheckBox, QLabel, QPushButton, QWidget

from lineage_triplets.plugin.audit.pair_view import PairView
from lineage_triplets.plugin.board.tiles import BoardView
from lineage_triplets.plugin.common.link_picture import LinkPicture
from lineage_triplets.plugin.demo.clicks import Hand, NotThereError
from lineage_triplets.plugin.demo.truth import TrueLineages
from lineage_triplets.plugin.manifest import review_widget
from lineage_triplets.plugin.pairs.gallery import PairGallery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lineage_triplets.plugin.widget import ReviewWidget
    from lineage_triplets.qc.audit.answers import Judgement, Queue
    from lineage_triplets.qc.audit.state import AuditState
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.look.pairs import PairList

    Judge = Callable[[PairList, int], Judgement]

_MOST_FINDINGS = 200
WINDOW_SIZE = (1600, 950)
_EXPERIMENTS = ("fast", "reporter", "slow")
_ANSWERS = {"same": Qt.Key.Key_S, "wrong": Qt.Key.Key_W, "cannot tell": Qt.Key.Key_C}


class Walk:
    """What a reviewer does, each step by mouse and keys alone.

    Parameters
    ----------
    hand : Hand
        Does it, and takes a picture at every step.
    """

    def __init__(self, hand: Hand) -> None:
        self.hand = hand

    def lineages(self) -> list[str]:
        """Names in the lineage table, from the top."""
        model = self.hand.find("lineage_table", QAbstractItemView).model()
        return [str(model.index(row, 0).data()) for row in range(model.rowCount())]

    def make_config(self, minutes: str, condition: str) -> None:
        """Type what only a person knows of the first plate in New config; save, and open it."""
        hand = self.hand
        hand.until(lambda: bool(self._n_rows("plates")), "the plate is listed")
        for name, column, words in (("plates", 1, minutes), ("wells", 2, condition)):
            hand.click_row(name, 0, column)
            hand.type(words)
            hand.press(Qt.Key.Key_Return)
        hand.picture("new_config")
        hand.click("save_config")
        hand.until(lambda: hand.session.review is not None, "the config is open")
        hand.idle()

    def look_around(self, lineage: str) -> None:
        """Select a lineage and go down its tree."""
        hand = self.hand
        hand.panel("Browse")
        hand.click_row("lineage_table", hand.row_where("lineage_table", 0, lineage))
        hand.key("lineage_tree", Qt.Key.Key_Down)
        hand.picture("browse")

    def compare_channels(self) -> dict[str, str]:
        """Look at the channels; give what the widget says about every cell of the grid."""
        hand = self.hand
        hand.panel("Channels")
        hand.picture("channels")
        return self.verdicts()

    def verdicts(self) -> dict[str, str]:
        """What stands under the cells of the channel grid, by ``"{experiment}_slot_{number}"``."""
        labels = list(self.hand.find("channels", QWidget).findChildren(QLabel))
        return {
            label.objectName().removeprefix("verdict_"): label.text()
            for label in labels
            if label.objectName().startswith("verdict_")
        }

    def remap(self, experiment: str, channels: Sequence[str]) -> None:
        """Choose a channel for every slot of an experiment."""
        hand = self.hand
        hand.panel("Channels")
        for slot, channel in enumerate(channels):
            hand.choose(f"channel_{experiment}_slot_{slot}", channel)
        hand.picture("channels_remapped")

    def approve(self, experiments: Sequence[str]) -> None:
        """Approve the channels of experiments."""
        hand = self.hand
        hand.panel("Channels")
        for name in experiments:
            hand.click(f"approve_{name}")
            says = hand.find(f"approval_{name}", QLabel).text
            hand.until(partial(_says, says, "✓"), f"{name} is approved")
        hand.picture("channels_approved")

    def mend(self, severity: str = "warnings") -> int:
        """Settle those findings of a severity that offer a way; the others are left as they are.

        Returns
        -------
        int
            How many were settled.
        """
        hand = self.hand
        hand.panel("Problems")
        hand.choose("filter_severity", severity)
        n_settled = n_left = 0
        while n_left < self._n_rows("finding_list"):
            hand.click("next_finding")
            if not self._on_screen("settle_0"):
                n_left += 1
                continue
            if not n_settled:
                hand.picture("problems_warning")
            hand.click("settle_0")
            hand.key("reason", Qt.Key.Key_Return)
            n_settled, n_left = n_settled + 1, 0
        return n_settled

    def settle_problems(self, severity: str = "errors", *, scan: bool = False) -> int:
        """Go through the open findings of a severity, settle each in the first way it offers.

        Returns
        -------
        int
            How many there were.
        """
        hand = self.hand
        hand.panel("Problems")
        if scan:
            hand.click("scan_images")
        hand.choose("filter_severity", severity)
        n_settled = 0
        while self._n_rows("finding_list") and n_settled < _MOST_FINDINGS:
            hand.click("next_finding")
            if not n_settled:
                hand.picture("problems")
            way = "settle_0" if self._on_screen("settle_0") else "waive"
            if not hand.find(way, QPushButton).isEnabled():
                # What was settled last stays in the list as long as it is selected.
                break
            hand.click(way)
            if not n_settled:
                hand.picture("problems_reason")
            if way == "waive":
                hand.write("reason", "looked at, and right")
            hand.key("reason", Qt.Key.Key_Return)
            n_settled += 1
        return n_settled

    def look_at_board(self) -> None:
        """Look at all FOVs, with their pictures."""
        hand = self.hand
        hand.panel("Board")
        tiles = hand.find("board_tiles", BoardView)
        hand.until(lambda: tiles.has_pictures, "the tiles have their pictures")
        hand.picture("board")

    def look_at_links(self) -> None:
        """Look at the link that is most worth it."""
        hand = self.hand
        hand.panel("Links")
        hand.until(lambda: self._on_screen("link_picture"), "links are weighed")
        picture = hand.find("link_picture", LinkPicture)
        hand.until(lambda: picture.painted == 0, "the first link is on screen")
        hand.picture("links")

    def reject(self, lineage: str, reason: str) -> None:
        """Reject a lineage with a reason."""
        hand = self.hand
        hand.panel("Browse")
        hand.choose("experiment", "all experiments")
        hand.click_row("lineage_table", hand.row_where("lineage_table", 0, lineage))
        hand.key("lineage_table", Qt.Key.Key_R)
        hand.write("reason", reason)
        hand.picture("browse_reject")
        hand.key("reason", Qt.Key.Key_Return)

    def judge_pairs(self, experiments: Sequence[str], judge: Judge, most: int = 4) -> None:
        """Judge the first pairs across divisions of experiments by keys, and see one from near.

        A wrong one is cut or mended where it breaks.
        """
        hand = self.hand
        for number, experiment in enumerate(experiments):
            hand.panel("Browse")
            hand.choose("experiment", experiment)
            hand.panel("Pairs")
            across = hand.find("across_divisions", QCheckBox)
            if not across.isChecked():
                hand.click("across_divisions")
            hand.idle()
            if not number:
                hand.picture("pairs")
                hand.key("pair_gallery", Qt.Key.Key_Home)
                hand.key("pair_gallery", Qt.Key.Key_Space)
                hand.picture("pair_from_near")
            hand.key("pair_gallery", Qt.Key.Key_Escape)
            hand.key("pair_gallery", Qt.Key.Key_Home)
            for _ in range(most):
                self._judge_current(judge)
            if not number:
                hand.picture("pairs_judged")

    def audit(
        self, experiment: str, number: str, judge: Judge, *, until_wrong: bool = False
    ) -> AuditState:
        """Judge pairs of an experiment by keys, its sample and those across divisions.

        Parameters
        ----------
        experiment : str
        number : str
            How many pairs are planned, as the picker offers them.
        judge : callable
            Gets the pairs and the number of one; gives the answer.
        until_wrong : bool
            Whether the first wrong pair is looked at through its frames, and ends it.

        Returns
        -------
        AuditState
            How far the audit is.
        """
        hand = self.hand
        hand.panel("Audit")
        hand.click_row("audit_list", self._row_of(experiment))
        hand.choose("audit_number", number)
        if until_wrong:
            hand.picture("audit_planned")
        hand.key("audit_list", Qt.Key.Key_Return)
        while (asked := self._asked(experiment)) is not None:
            queue, place = asked
            pair = hand.find("audit_pair", PairView)
            hand.until(partial(_shows, pair, place), "the pair is on screen")
            answer = judge(self._review.audit_pairs(experiment, queue), place)
            if answer == "wrong" and until_wrong:
                hand.picture("audit_wrong")
                hand.press(Qt.Key.Key_F)
                hand.picture("audit_frames")
            hand.press(_ANSWERS[answer])
            if answer == "wrong" and until_wrong:
                hand.press(Qt.Key.Key_Escape)
                break
        else:
            hand.picture(f"audit_{experiment}")
        return self._review.audit(experiment)

    def export(self, folder: Path, **reasons: str) -> None:
        """Export what was validated.

        Parameters
        ----------
        folder : Path
        **reasons
            ``without_audit`` and ``without_images``: why there is none.
        """
        hand = self.hand
        hand.panel("Export")
        hand.write("export_folder", str(folder))
        for name, reason in reasons.items():
            hand.write(name, reason)
            hand.key(name, Qt.Key.Key_Return)
        hand.idle()
        button = hand.find("export", QPushButton)
        hand.until(button.isEnabled, "the export can be pressed")
        hand.picture("export")
        if "draft" in button.text():
            raise NotThereError(f"still open: {self.open_points()}")
        hand.click("export")
        hand.until(lambda: self._on_screen("export_result"), "the files are written")
        hand.picture("exported")

    def open_points(self) -> list[str]:
        """What the checklist says is open."""
        self.hand.panel("Export")
        texts = self.hand.find("checklist", QWidget).findChildren(QLabel)
        return [text.text() for text in texts if text.isVisible() and text.text()]

    @property
    def _review(self) -> Review:
        review = self.hand.session.review
        if review is None:
            raise NotThereError("a config is open")
        return review

    def _asked(self, experiment: str) -> tuple[Queue, int] | None:
        """Say which pair is to be judged now; None if there is none."""
        state = self._review.audit(experiment)
        if state.next is not None:
            return "sample", state.next
        return None if state.divisions.next is None else ("divisions", state.divisions.next)

    def _row_of(self, experiment: str) -> int:
        model = self.hand.find("audit_list", QAbstractItemView).model()
        names = [str(model.index(row, 0).data()).split("\n")[0] for row in range(model.rowCount())]
        return names.index(experiment)

    def _judge_current(self, judge: Judge) -> None:
        """Answer about the pair that has the ring, once it is on screen."""
        hand = self.hand
        gallery = hand.find("pair_gallery", PairGallery)
        pairs, number = gallery.pairs.pairs, gallery.current
        hand.until(lambda: number in gallery.chosen_seen, "the pair is on screen")
        if pairs is None:
            return
        answer = judge(pairs, number + 1)
        hand.press(_ANSWERS[answer])
        if answer == "wrong":
            hand.idle()
            hand.picture("pair_wrong")
            is_likelier = hand.find("break_mend", QPushButton).isEnabled()
            hand.press(Qt.Key.Key_G if is_likelier else Qt.Key.Key_W)
            hand.idle()

    def _n_rows(self, name: str) -> int:
        model: QAbstractItemModel = self.hand.find(name, QAbstractItemView).model()
        return int(model.rowCount())

    def _on_screen(self, name: str) -> bool:
        try:
            self.hand.find(name, QWidget)
        except NotThereError:
            return False
        return True


def _shows(pair: PairView, number: int) -> bool:
    return pair.painted == number - 1


def _says(text: Callable[[], str], begin: str) -> bool:
    return text().startswith(begin)


def open_window(config: Path, **options: object) -> tuple[napari.Viewer, ReviewWidget]:
    """Open napari with a config under review.

    Parameters
    ----------
    config : Path
    **options
        Of `lineage_triplets.qc.decide.review.Review.open`.
    """
    viewer = napari.Viewer(show=False)
    viewer.show()
    # Napari comes back in the size of last time.
    viewer.window.resize(*WINDOW_SIZE)
    widget = review_widget(viewer)
    widget.start_opening(config, **options)
    return viewer, widget


def show_config(config: Path) -> None:
    """Open a config for a person, and return when the window is closed."""
    open_window(config)
    napari.run()


def walk_through_sample(config: Path, pictures: Path) -> tuple[list[Path], Path]:
    """Review the sample by mouse and keys, from faults to a validated export.

    Parameters
    ----------
    config : Path
        Of the sample with its faults.
    pictures : Path
        Folder for screenshots, decisions and the export; it must be empty or missing.

    Returns
    -------
    pictures : list of Path
        In the order of the walk.
    config : Path
        What was exported.

    Raises
    ------
    NotThereError
        The widget does not show what it should.
    """
    pictures.mkdir(parents=True, exist_ok=True)
    viewer, widget = open_window(config, decisions=pictures / "decisions.db", by="ada")
    try:
        hand = Hand(viewer, widget, pictures)
        walk = Walk(hand)
        hand.until(lambda: widget.session.review is not None, "the sample is open")
        hand.idle()
        # The panel in front may be another: that which was left last is remembered.
        hand.panel("Browse")
        hand.click("has_divisions")
        lineages = walk.lineages()
        walk.look_around(lineages[0])
        walk.compare_channels()
        walk.remap("slow", ("H2B-GFP", "Phase"))
        walk.approve(_EXPERIMENTS)
        walk.settle_problems(scan=True)
        walk.look_at_board()
        walk.look_at_links()
        walk.reject(lineages[1], "debris beside the cell")
        judge = TrueLineages(config.parent).judge
        walk.judge_pairs(("fast", "slow"), judge)
        # Checks found what was wrong there, and nobody had mended it.
        walk.audit("reporter", "59", judge, until_wrong=True)
        walk.mend()
        for experiment in _EXPERIMENTS:
            walk.audit(experiment, "59", judge)
        walk.export(pictures / "validated")
        return hand.taken, pictures / "validated" / "validated.yaml"
    finally:
        viewer.close()
