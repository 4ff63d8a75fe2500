"""How long cells live from one division to the next, and what that says of a division."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, stdtr

from lineage_triplets.qc.find.doubt.alternatives import Kind
from lineage_triplets.qc.find.doubt.scales import DEGREES_OF_FREEDOM

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.find.doubt.cells import Cells

_ENOUGH_LIVES = 8
_LEAST_LOG_SPREAD = 0.2
_NORMAL_MAD = 1.4826
_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, eq=False)
class Lives:
    """Lives of tracks, and the law that they follow.

    A life is known from its first frame where the track begins as one of two daughters, and to its
    end where it divides.

    Attributes
    ----------
    cells : Cells
    first, last : ndarray of int64, shape (tracks,)
        Frames.
    is_born, divides : ndarray of bool, shape (tracks,)
    log_frames, log_spread : float
        Median of the logarithm of a life, and its scale.
    log_rate : float
        Of the share of cells that divide.
    is_known : bool
        Whether there are enough lives; without them nothing is said.
    """

    cells: Cells
    first: Int64Array
    last: Int64Array
    is_born: BoolArray
    divides: BoolArray
    log_frames: float
    log_spread: float
    log_rate: float
    is_known: bool

    @classmethod
    def of_cells(cls, cells: Cells) -> Lives:
        """Fit the law to all lives, those that the movie cuts off among them."""
        n_tracks = int(cells.track.max(initial=-1)) + 1
        first = np.full(n_tracks, np.iinfo(np.int64).max)
        last = np.full(n_tracks, -1)
        np.minimum.at(first, cells.track, cells.t)
        np.maximum.at(last, cells.track, cells.t)
        is_born, divides = (np.zeros(n_tracks, dtype=bool) for _ in range(2))
        division = np.flatnonzero(cells.is_division)
        is_born[cells.track[cells.target[division]]] = True
        divides[cells.track[cells.source[division]]] = True
        born = np.flatnonzero(is_born)
        frames = last[born] - first[born] + 1
        middle = _log_median(frames, divides[born])
        whole = np.log(frames[divides[born]])
        spread = _LEAST_LOG_SPREAD
        if np.isfinite(middle) and len(whole):
            spread = max(_NORMAL_MAD * float(np.median(np.abs(whole - middle))), spread)
        return cls(
            cells, first, last, is_born, divides, middle, spread,
            log_rate=float(np.log(max(int(divides.sum()), 1) / max(len(cells.t), 1))),
            is_known=len(whole) >= _ENOUGH_LIVES and bool(np.isfinite(middle)),
        )  # fmt: skip

    def gain(self, link: Int64Array, kind: Int64Array, partner: Int64Array) -> Float64Array:
        """By how many nats lives fit better with alternatives of links than with the links.

        The arguments are as in `Doubts`, one value an alternative; 0 for alternatives that leave
        all divisions as they are.
        """
        gain = np.zeros(len(link))
        cells = self.cells
        told = (kind == Kind.NEITHER) | (kind == Kind.OTHER_END) | (kind == Kind.OTHER_MOTHER)
        told &= cells.is_division[link] & (cells.n_out[cells.source[link]] == 2)
        at = np.flatnonzero(told)
        if not (self.is_known and len(at)):
            return gain
        link, kind, partner = link[at], kind[at], partner[at]
        mother, daughter = cells.track[cells.source[link]], cells.track[cells.target[link]]
        sister = cells.track[cells.sister[link]]
        age = cells.t[cells.source[link]] - self.first[mother] + 1
        its, hers = self._frames(daughter), self._frames(sister)
        yes = np.ones(len(at), dtype=bool)
        # Mother and sister are one cell then.
        more = self._log_likelihood(self.is_born[mother], age + hers, self.divides[sister])
        more -= self._log_likelihood(self.is_born[mother], age, yes)
        more -= self._log_likelihood(yes, hers, self.divides[sister])
        more -= self._log_likelihood(yes, its, self.divides[daughter])
        end = np.flatnonzero(kind == Kind.OTHER_END)
        track = cells.track[partner[end]]
        until = self._frames(track)
        more[end] += self._log_likelihood(
            self.is_born[track], until + its[end], self.divides[daughter[end]]
        ) - self._log_likelihood(self.is_born[track], until, ~yes[end])
        other = np.flatnonzero(kind == Kind.OTHER_MOTHER)
        more[other] += self._log_likelihood(yes[other], its[other], self.divides[daughter[other]])
        more[other] += self._divided(partner[other])
        gain[at] = more
        return gain

    def _divided(self, link: Int64Array) -> Float64Array:
        """What is gained where the source of a link inside a track divides there."""
        cells = self.cells
        source, target = cells.source[link], cells.target[link]
        track = cells.track[source]
        yes = np.ones(len(link), dtype=bool)
        divided = self._log_likelihood(
            self.is_born[track], cells.t[source] - self.first[track] + 1, yes
        )
        divided += self._log_likelihood(
            yes, self.last[track] - cells.t[target] + 1, self.divides[track]
        )
        divided -= self._log_likelihood(
            self.is_born[track], self._frames(track), self.divides[track]
        )
        return np.where(cells.track[target] == track, divided, 0.0)

    def _frames(self, track: Int64Array) -> Int64Array:
        frames: Int64Array = self.last[track] - self.first[track] + 1
        return frames

    def _log_likelihood(
        self, is_born: BoolArray, frames: Int64Array, divides: BoolArray
    ) -> Float64Array:
        """Of lives against divisions at any age alike; 0 for those whose birth is not seen."""
        log_frames = np.log(np.maximum(frames, 1))
        off = (log_frames - self.log_frames) / self.log_spread
        nu = DEGREES_OF_FREEDOM
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - np.log(nu * np.pi) / 2
        ended = constant - (nu + 1) / 2 * np.log1p(off**2 / nu)
        ended -= np.log(self.log_spread) + log_frames + self.log_rate
        lasting = np.log(np.maximum(stdtr(nu, -off), _LEAST_PROBABILITY))
        result: Float64Array = np.where(is_born, np.where(divides, ended, lasting), 0.0)
        return result


def _log_median(frames: Int64Array, divides: BoolArray) -> float:
    """Logarithm of the age at which half of the cells have divided; NaN where fewer ever do.

    By Kaplan and Meier: of a movie shorter than the usual life, the lives that are seen whole are
    the shortest, and the wrong ones.
    """
    order = np.argsort(frames, kind="stable")
    at_risk = len(order) - np.arange(len(order))
    undivided = np.cumprod(1.0 - divides[order] / at_risk)
    reached = np.flatnonzero(undivided <= 0.5)
    return float(np.log(frames[order[reached[0]]])) if len(reached) else float("nan")
