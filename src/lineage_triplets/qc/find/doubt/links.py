"""All links of the tables, the ones worth a look first, with what would be likelier instead."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.qc.find.doubt.alternatives import Doubts, Kind
from lineage_triplets.qc.find.doubt.cells import Cells
from lineage_triplets.qc.find.doubt.harm import pairs_into
from lineage_triplets.qc.find.doubt.repairs import LinkNames
from lineage_triplets.qc.find.track_data.rows import TrackRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import DatasetConfig
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record.decision import Target
    from lineage_triplets.qc.record.effect import Effect


Status = Literal["open", "kept", "made"]


@dataclass(frozen=True, slots=True)
class Harm:
    """How many pairs of an epoch, with each anchor drawn once, are expected to be wrong.

    Attributes
    ----------
    total : float
        By all links as they are now.
    left : float
        By those that nobody looked at.
    """

    total: float
    left: float


@dataclass(frozen=True, slots=True)
class DoubtedLink:
    """A link from a cell to the next, with how doubtful it is.

    Attributes
    ----------
    rank : int
        From 1, the most worth a look.
    experiment, fov_name : str
    track_id, t : int
        The table's track and the frame where the link begins.
    to_track_id, to_t : int
        Where it ends: the same track, or a daughter's.
    doubt : float
        From 0 to 0.9, how likely the link is wrong, told from the table alone: of real links
        with a doubt of 0.3, about three of ten were wrong.
    pairs : float
        Pairs of an epoch, with each anchor drawn once, that rest on the link.
    reason : str
        What may have been instead, with lengths in px.
    link : Target
        The link itself, to be cut, or kept.
    repair : tuple of Target
        What makes what may have been instead, as `Review.settle` takes it: links to cut, the link
        and its partner of an exchange, then links to make. Nothing of a link that somebody made.
    now, instead : tuple of (int, int)
        Cells that are linked here, and those that would be linked instead, by their rows in the
        queue's index. The first of `now` is the link.
    partners : tuple of Target
        Links that are right if this one is: its partner of an exchange, the sister's of a division
        that may be none.
    status : {"open", "kept", "made"}
        Whether somebody looked at it and left it, or made it.
    """

    rank: int
    experiment: str
    fov_name: str
    track_id: int
    t: int
    to_track_id: int
    to_t: int
    doubt: float
    pairs: float
    reason: str
    link: Target
    repair: tuple[Target, ...]
    now: tuple[tuple[int, int], ...]
    instead: tuple[tuple[int, int], ...]
    partners: tuple[Target, ...]
    status: Status = "open"

    @property
    def wrong_pairs(self) -> float:
        """Pairs that are expected to be wrong by this link."""
        return self.doubt * self.pairs


@dataclass(frozen=True, eq=False)
class LinkQueue:
    """Every link of an index in the order in which they are worth a look.

    Attributes
    ----------
    index : MultiExperimentIndex
    rows : TrackRows
        Of that index.
    source, target : ndarray of int64, shape (links,)
        Rows.
    doubt, pairs, nats : ndarray of float64, shape (links,)
        How likely it is wrong, what rests on it, and by how much the best alternative is less
        likely than the link.
    kind : ndarray of int64, shape (links,)
        `Kind` of that alternative.
    other_source, other_target : ndarray of int64, shape (links,)
        Rows of the link that takes part in it, or of the one cell that does; the sister where
        there would be no division; else -1.
    usual_px : ndarray of float64, shape (experiments,)
        Median step.
    names : LinkNames
        Of the links of that index.
    status : mapping of int to str
        Of the links that are not open, by their place.
    """

    index: MultiExperimentIndex
    rows: TrackRows
    source: Int64Array
    target: Int64Array
    doubt: Float64Array
    pairs: Float64Array
    nats: Float64Array
    kind: Int64Array
    other_source: Int64Array
    other_target: Int64Array
    usual_px: Float64Array
    names: LinkNames
    status: Mapping[int, Status] = field(default_factory=dict)

    @classmethod
    def of_indices(
        cls,
        linked: MultiExperimentIndex,
        training: MultiExperimentIndex,
        settings: DatasetConfig,
        joined: Iterable[Target] = (),
    ) -> LinkQueue:
        """Weigh all links.

        Parameters
        ----------
        linked : MultiExperimentIndex
            With links cut and joined, and nothing excluded.
        training : MultiExperimentIndex
            What training reads.
        settings : DatasetConfig
            The law of tau.
        joined : iterable of Target
            The links that its tables lack.
        """
        rows = TrackRows.of_index(linked)
        numbers = [np.zeros((5, 0), dtype=np.int64)]
        weights = [np.zeros((2, 0))]
        usual_px = np.zeros(len(linked.registry.experiments))
        for experiment in np.unique(rows.experiment):
            own = np.flatnonzero(rows.experiment == experiment)
            place = rows.place[: int(rows.n_axes[experiment]), own]
            fov = rows.fov[own] - rows.fov[own[0]]
            cells = Cells.of_arrays(place, fov, rows.t[own], rows.track[own], rows.parent)
            found = Doubts.of_cells(cells)
            usual_px[experiment] = found.scales.step_px
            made = (cells.source, cells.target, *_other_cells(cells, found))
            in_rows = [np.where(cell >= 0, own[cell], -1) for cell in made]
            numbers.append(np.stack([*in_rows, found.kind]))
            weights.append(np.stack([found.doubt, found.nats]))
        source, target, other_source, other_target, kind = np.concatenate(numbers, axis=1)
        doubt, nats = np.concatenate(weights, axis=1)
        pairs = pairs_into(linked, training, settings, target)
        experiment = rows.experiment[target]
        anchors = np.bincount(
            training.experiment_of_row[training.anchor_rows], minlength=len(usual_px)
        )
        # Looks are spent best where both doubt and harm are; by their product alone, one link
        # near the root of a large lineage would go before many that are wrong for certain.
        worth = doubt * np.sqrt(pairs / np.maximum(anchors, 1)[experiment])
        order = np.lexsort((target, -doubt, -worth))
        return cls(
            linked, rows, source[order], target[order], doubt[order], pairs[order], nats[order],
            kind[order], other_source[order], other_target[order], usual_px,
            LinkNames(linked, joined),
        )  # fmt: skip

    def judged(self, effect: Effect) -> LinkQueue:
        """Give the queue with what somebody kept, or made: nothing is weighed anew."""
        status: dict[int, Status] = {}
        for listed, what in ((effect.kept, "kept"), (effect.links, "made")):
            for link in listed:
                at = self.place_of(link)
                if at >= 0:
                    status[at] = "kept" if what == "kept" else "made"
        return replace(self, status=status)

    def doubted(self, link: Target) -> DoubtedLink | None:
        """Give what is known of a link; None where there was none when links were weighed."""
        at = self.place_of(link)
        return None if at < 0 else self.link(at, at + 1)

    def place_of(self, link: Target) -> int:
        """Give the place of a link in the arrays; -1 where it is not there."""
        row = self.names.row_into(link)
        at = int(self._into[row]) if row >= 0 else -1
        # Another link may lead to that cell.
        return at if at >= 0 and self.names.link(int(self.source[at]), row) == link else -1

    @cached_property
    def _into(self) -> Int64Array:
        """Place of the link into each row, -1 where there is none."""
        into = np.full(len(self.rows.t), -1, dtype=np.int64)
        into[self.target] = np.arange(len(self.target))
        return into

    def harm(self, experiment: str | None = None) -> Harm:
        """Count the pairs that are expected to be wrong; raises as `links`."""
        total, left = (
            float((self.doubt[chosen] * self.pairs[chosen]).sum())
            for chosen in (self._of(experiment), self._open(self._of(experiment)))
        )
        return Harm(total, left)

    def _open(self, chosen: Int64Array) -> Int64Array:
        return chosen[~np.isin(chosen, list(self.status))] if self.status else chosen

    def links(
        self,
        top: float | None = None,
        experiment: str | None = None,
        *,
        judged: bool = False,
    ) -> tuple[DoubtedLink, ...]:
        """Give the first links.

        Parameters
        ----------
        top : int or float, optional
            How many, or from 0 to below 1 their share; all by default.
        experiment : str, optional
            Of this one alone; ranks and share are then of its links.
        judged : bool
            Whether those are among them that somebody kept, or made.

        Raises
        ------
        UnknownNameError
            There is no such experiment.
        ConfigError
            `top` is no number or share.
        """
        chosen = self._of(experiment)
        chosen = chosen if judged else self._open(chosen)
        chosen = chosen[: _number(top, len(chosen))]
        return tuple(self.link(int(at), rank) for rank, at in enumerate(chosen, 1))

    def n_links(self, experiment: str | None = None) -> int:
        """Count all links, or those of one experiment; raises as `links`."""
        return len(self._of(experiment))

    def _of(self, experiment: str | None) -> Int64Array:
        if experiment is None:
            return np.arange(len(self.source))
        self.index.registry.get_experiment(experiment)
        own = np.array(
            [source.experiment == experiment for source in self.rows.sources], dtype=bool
        )
        return np.flatnonzero(own[self.rows.fov[self.target]])

    def link(self, at: int, rank: int) -> DoubtedLink:
        """Give the link at a place of the arrays."""
        rows, source, target = self.rows, int(self.source[at]), int(self.target[at])
        fov = rows.sources[int(rows.fov[target])]
        now, instead = self._cells(at)
        partners = now[1:] if self.kind[at] != Kind.OTHER_MOTHER else ()
        return DoubtedLink(
            rank=rank,
            experiment=fov.experiment,
            fov_name=fov.fov.name,
            track_id=self._track_id(source),
            t=int(rows.t[source]),
            to_track_id=self._track_id(target),
            to_t=int(rows.t[target]),
            doubt=float(self.doubt[at]),
            pairs=float(self.pairs[at]),
            reason=self._reason(at),
            link=self.names.link(source, target),
            repair=self.names.repair(now, instead),
            now=now,
            instead=instead,
            partners=tuple(self.names.link(*cells) for cells in partners),
            status=self.status.get(at, "open"),
        )

    def _cells(self, at: int) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        """Rows of the cells that are linked now, and would be instead."""
        a, b = int(self.source[at]), int(self.target[at])
        other, into = int(self.other_source[at]), int(self.other_target[at])
        match Kind(int(self.kind[at])):
            case Kind.EXCHANGE:
                return ((a, b), (other, into)), ((a, into), (other, b))
            case Kind.OTHER_END:
                return ((a, b),), ((other, b),)
            case Kind.OTHER_START:
                return ((a, b),), ((a, into),)
            case Kind.OTHER_MOTHER:
                return ((a, b), (other, into)), ((other, b), (other, into))
        return (((a, b), (a, into)), ((a, into),)) if into >= 0 else (((a, b),), ())

    def _track_id(self, row: int) -> int:
        return int(self.index.track_id_of_row[row])

    def _px(self, row: int, other: int) -> str:
        way = self.rows.place[:, row] - self.rows.place[:, other]
        return f"{float(np.sqrt((way**2).sum())):.3g} px"

    def _reason(self, at: int) -> str:
        """Say what may have been instead, and which of the two is likelier."""
        source, target = int(self.source[at]), int(self.target[at])
        other, into = int(self.other_source[at]), int(self.other_target[at])
        now = self._px(source, target)
        kind = Kind(int(self.kind[at]))
        if kind is Kind.EXCHANGE:
            words = (
                f"exchanged with the link of track {self._track_id(other)} into track "
                f"{self._track_id(into)} at t = {self.rows.t[into]}, the two would be "
                f"{self._px(source, into)} and {self._px(other, target)} long instead of {now} "
                f"and {self._px(other, into)}"
            )
        elif kind is Kind.OTHER_END:
            words = (
                f"track {self._track_id(other)} ends {self._px(other, target)} away at t = "
                f"{self.rows.t[other]}; the link is {now} long"
            )
        elif kind is Kind.OTHER_START:
            words = (
                f"track {self._track_id(into)} begins {self._px(source, into)} away at t = "
                f"{self.rows.t[into]}; the link is {now} long"
            )
        elif kind is Kind.OTHER_MOTHER:
            words = (
                f"it may be a second daughter of track {self._track_id(other)}, "
                f"{self._px(other, target)} away; the link is {now} long"
            )
        elif into >= 0:
            words = (
                f"without a division, track {self._track_id(source)} goes on as track "
                f"{self._track_id(into)}, {self._px(source, into)} away; the other daughter is "
                f"{now} from her mother"
            )
        else:
            usual = self.usual_px[int(self.rows.experiment[target])]
            words = (
                f"one cell is lost and another begins; the link is {now} long, and the usual step "
                f"{usual:.3g} px"
            )
        if self.nats[at] < 0:
            return f"{words[:1].upper()}{words[1:]}. That is likelier."
        return f"Next best: {words}. Alone it is less likely than the link."


def link_queue(data: ReviewData) -> LinkQueue:
    """Weigh all links of a review's data as decided now, once for as long as these are the same.

    That links are kept changes nothing that is weighed.
    """
    weighed = data.of_training(
        "links",
        lambda training: LinkQueue.of_indices(
            data.linked, training, data.settings, data.effect.links
        ),
    )
    return weighed.judged(data.effect)


def _number(top: float | None, n_links: int) -> int:
    """How many links a number or share is."""
    if top is None:
        return n_links
    if not np.isfinite(top) or top < 0 or (top >= 1 and top != int(top)):
        raise ConfigError(
            Problem(
                "bad-top",
                f"{top} is neither a number of links nor a share of them.",
                "Give a whole number, or a share below 1 such as 0.05.",
            )
        )
    return int(top) if top >= 1 else int(np.ceil(top * n_links))


def _other_cells(cells: Cells, found: Doubts) -> tuple[Int64Array, Int64Array]:
    """Cells at which the link begins and ends that takes part in the best alternative."""
    of_link = (found.kind == Kind.EXCHANGE) | (found.kind == Kind.OTHER_MOTHER)
    link = np.where(of_link, found.partner, 0)
    source = np.where(of_link, cells.source[link], -1)
    target = np.where(of_link, cells.target[link], -1)
    source = np.where(found.kind == Kind.OTHER_END, found.partner, source)
    target = np.where(found.kind == Kind.OTHER_START, found.partner, target)
    target = np.where(found.kind == Kind.NEITHER, found.partner, target)
    return source, target
