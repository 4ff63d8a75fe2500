"""FOVs of one experiment whose channels stand in another order than in its other FOVs.

All channels of the store are compared, whatever is in the slots: each FOV with what most FOVs
agree on, in every order that its channels may be in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import choices
from lineage_triplets.qc.find.channels.verdict import EACH_WRONG, LIKELY, SURE, Metric, slot_orders
from lineage_triplets.qc.find.channels.words import sure_words
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.qc.find.channels.signature import ChannelSignature

LEAST_PATCHES = 3
# FOVs of one experiment share microscope and culture: they differ less than experiments do.
_BETWEEN = 0.35
_ROUNDS = 3
_MOST_SINGLE_FOVS = 5
_MOST_NAMED = 4
_REMEDY = (
    "Look at the same slot in these FOVs and in the others; reject them, or write their channels "
    "in the others' order."
)


@dataclass(frozen=True)
class FovOrder:
    """FOVs whose channels look exchanged, beside those of the experiment's other FOVs.

    Attributes
    ----------
    fovs, others : tuple of str
        Those of which channels look exchanged, and those that agree with each other.
    shows : tuple of int
        For each channel of the store, which channel of the others it looks like.
    sure : float
        From 0 to 1, of the least sure FOV.
    """

    fovs: tuple[str, ...]
    others: tuple[str, ...]
    shows: tuple[int, ...]
    sure: float

    @property
    def tells_which(self) -> bool:
        """Whether the FOVs are the fewer ones."""
        return len(self.fovs) < len(self.others)


def fov_orders(looks: Mapping[str, Sequence[ChannelSignature]]) -> tuple[FovOrder, ...]:
    """Compare the FOVs of one experiment.

    Parameters
    ----------
    looks : mapping of str to sequence of ChannelSignature
        For a FOV, all channels of its store; those with few cells tell nothing.

    Returns
    -------
    tuple of FovOrder
        One an order that is not the one of most FOVs; empty where all agree, or cannot be told.
    """
    names = [
        name
        for name, channels in looks.items()
        if channels and channels[0].n_patches >= LEAST_PATCHES
    ]
    usable = [channel for name in names for channel in looks[name] if channel.usable]
    if len(names) < 2 or not usable or len(looks[names[0]]) < 2:
        return ()
    metric, n_channels = Metric.of(usable, between=_BETWEEN), len(looks[names[0]])
    orders = slot_orders(n_channels)
    # The FOV that is nearest to all others, in whatever order they are.
    away = [
        sum(_costs(metric, looks[other], looks[name], orders).min() for other in names)
        for name in names
    ]
    reference = looks[names[int(np.argmin(away))]]
    chosen, sure = _chosen(metric, [looks[name] for name in names], reference, orders, even=True)
    for _ in range(_ROUNDS):
        most = Counter(chosen.tolist()).most_common(1)[0][0]
        agreeing = [looks[name] for name, order in zip(names, chosen, strict=True) if order == most]
        reference = _pooled(agreeing)
        chosen, sure = _chosen(metric, [looks[name] for name in names], reference, orders)
    told = (chosen != 0) & (sure >= LIKELY)
    others = tuple(name for name, order in zip(names, chosen, strict=True) if order == 0)
    return tuple(
        FovOrder(
            tuple(names[k] for k in np.flatnonzero(told & (chosen == order))),
            others,
            tuple(orders[order].tolist()),
            float(sure[told & (chosen == order)].min()),
        )
        for order in dict.fromkeys(chosen[told].tolist())
    )


def _costs(
    metric: Metric,
    channels: Sequence[ChannelSignature],
    reference: Sequence[ChannelSignature],
    orders: Int64Array,
) -> Float64Array:
    """Cost of each order: that a channel shows the one of the reference which stands there."""
    apart = metric.costs(channels, reference)
    cost: Float64Array = apart[np.arange(len(channels)), orders].sum(axis=1)
    return cost


def _chosen(
    metric: Metric,
    fovs: Sequence[Sequence[ChannelSignature]],
    reference: Sequence[ChannelSignature],
    orders: Int64Array,
    *,
    even: bool = False,
) -> tuple[Int64Array, Float64Array]:
    """Likeliest order of each FOV, and its probability; unless all are as likely, few are wrong."""
    cost = np.array([_costs(metric, channels, reference, orders) for channels in fovs])
    if not even:
        cost[:, 1:] -= np.log(EACH_WRONG)
    likely = np.exp(cost.min(axis=1, keepdims=True) - cost)
    likely /= likely.sum(axis=1, keepdims=True)
    chosen = likely.argmax(axis=1)
    return chosen, likely[np.arange(len(cost)), chosen]


def _pooled(fovs: Sequence[Sequence[ChannelSignature]]) -> list[ChannelSignature]:
    """What the channels of some FOVs look like together."""
    pooled = []
    for channels in zip(*fovs, strict=True):
        seen = [channel for channel in channels if channel.usable] or list(channels)
        number = np.array([max(channel.n_patches - channel.n_blank, 1) for channel in seen])
        means = np.array([channel.mean for channel in seen])
        there = np.isfinite(means) * number[:, None]
        total = there.sum(axis=0)
        mean = np.where(
            total > 0, (np.nan_to_num(means) * there).sum(axis=0) / np.maximum(total, 1), np.nan
        )
        pooled.append(
            replace(
                seen[0],
                mean=mean,
                n_patches=sum(channel.n_patches for channel in channels),
                n_blank=sum(channel.n_blank for channel in channels),
            )
        )
    return pooled


def order_words(
    order: FovOrder, experiment: str, names: Sequence[str], channel_map: Mapping[int, int]
) -> str:
    """Say which slots look exchanged, and in which FOVs; empty where no slot is concerned."""
    parts = [
        f"slot {slot} ({names[channel]}) like {names[order.shows[channel]]}"
        for slot, channel in sorted(channel_map.items())
        if order.shows[channel] != channel
    ]
    if not parts:
        return ""
    fovs = f"FOV{'s' * (len(order.fovs) > 1)} {choices(order.fovs)} of {experiment}"
    others = f"FOV{'s' * (len(order.others) > 1)} {choices(order.others)}"
    if len(order.others) > _MOST_NAMED:
        others = f"the {len(order.others)} other FOVs"
    said = (
        f"In {fovs} channels look exchanged: {', '.join(parts)} of {others} "
        f"({sure_words(order.sure)})."
    )
    return said if order.tells_which else f"{said} Nothing tells which of them are wrong."


def findings_of_order(
    order: FovOrder, experiment: str, names: Sequence[str], channel_map: Mapping[int, int]
) -> list[Finding]:
    """Give a finding for each FOV; one for all where they are many, or as many as the others."""
    words = order_words(order, experiment, names, channel_map)
    if not words:
        return []
    slots = "+".join(str(k) for k, c in sorted(channel_map.items()) if order.shows[c] != c)

    def finding(fovs: tuple[str, ...]) -> Finding:
        alternatives = [tuple(Target("fov", experiment, fov) for fov in fovs)]
        if not order.tells_which:
            alternatives.append(tuple(Target("fov", experiment, fov) for fov in order.others))
        return Finding(
            kind="channel-swapped" if order.tells_which else "channel-differs",
            severity="error" if order.sure >= SURE else "warning",
            sentence=order_words(replace(order, fovs=fovs), experiment, names, channel_map)
            if order.tells_which
            else words,
            remedy=_REMEDY,
            experiment=experiment,
            fov=fovs[0] if len(fovs) == 1 else "",
            evidence=(
                Evidence("how sure", order.sure),
                Evidence("FOVs that look exchanged", float(len(order.fovs))),
                Evidence("FOVs that agree", float(len(order.others))),
            ),
            settled_by=tuple(alternatives),
            detail=f"slots{slots}" if len(fovs) == 1 else f"slots{slots}={len(fovs)} FOVs",
            count=len(fovs),
        )

    if order.tells_which and len(order.fovs) <= _MOST_SINGLE_FOVS:
        return [finding((fov,)) for fov in order.fovs]
    return [finding(order.fovs)]
