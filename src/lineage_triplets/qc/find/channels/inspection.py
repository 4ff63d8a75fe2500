"""What is really in each slot of each experiment: proof, looks, and a verdict.

`inspect_channels` reads patches once; what they look like does not depend on the slots, so that
`ChannelInspection.remapped` judges another mapping at once, without reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.qc.find.channels.fov_orders import (
    FovOrder,
    findings_of_order,
    fov_orders,
    order_words,
)
from lineage_triplets.qc.find.channels.proof import Proof, prove
from lineage_triplets.qc.find.channels.sample import (
    Thumbnails,
    read_surroundings,
    read_thumbnails,
    sample_rows,
)
from lineage_triplets.qc.find.channels.signature import (
    ChannelSignature,
    features_of,
    signatures,
)
from lineage_triplets.qc.find.channels.verdict import SURE, Verdict, verdicts
from lineage_triplets.qc.find.channels.words import in_words, listed
from lineage_triplets.qc.find.finding import Evidence, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.find.channels.sample import Surroundings

N_PATCHES = 48
N_PATCHES_PER_FOV = 4
N_PROOFS = 16
N_THUMBNAILS = 4


@dataclass(frozen=True, eq=False)
class SlotView:
    """One slot of one experiment.

    Attributes
    ----------
    experiment : str
    slot : int
    label : str
        The slot's name, the same in all experiments.
    channel_name : str
        The experiment's channel in the slot, by the store's metadata.
    zarr_index : int
    proof : Proof or None
        None where the mapping changed since patches were compared.
    signature : ChannelSignature or None
        None where nothing could be read.
    verdict : Verdict
    sentence : str
        The verdict in words.
    """

    experiment: str
    slot: int
    label: str
    channel_name: str
    zarr_index: int
    proof: Proof | None
    signature: ChannelSignature | None
    verdict: Verdict
    sentence: str


@dataclass(frozen=True, eq=False)
class ChannelInspection:
    """All slots of all experiments, and what every channel of every store looks like.

    Attributes
    ----------
    slots : tuple of SlotView
        By experiment and slot.
    slot_labels : tuple of str
    channel_names : dict of str to tuple of str
        For an experiment, all channels of its store.
    channel_maps : dict of str to dict of int to int
        For an experiment, the zarr index of every slot.
    signatures : dict of str to tuple of ChannelSignature
        For an experiment, those of all channels of its store, whatever the mapping.
    thumbnails : dict of str to Thumbnails
    unreadable : dict of str to tuple of str
        For an experiment, why patches could not be read.
    complete : bool
        Whether all experiments were looked at, or the work was stopped before.
    proofs : dict of (str, int, int) to Proof
        By experiment, slot and zarr index.
    fov_orders : dict of str to tuple of FovOrder
        For an experiment, the FOVs whose channels look exchanged; their cells are in no signature.
    """

    slots: tuple[SlotView, ...]
    slot_labels: tuple[str, ...]
    channel_names: dict[str, tuple[str, ...]]
    channel_maps: dict[str, dict[int, int]]
    signatures: dict[str, tuple[ChannelSignature, ...]]
    thumbnails: dict[str, Thumbnails]
    unreadable: dict[str, tuple[str, ...]]
    complete: bool = True
    proofs: dict[tuple[str, int, int], Proof] = field(default_factory=dict, repr=False)
    fov_orders: dict[str, tuple[FovOrder, ...]] = field(default_factory=dict)

    def view(self, experiment: str, slot: int) -> SlotView:
        """Give one slot; raises `KeyError` where there is none."""
        for view in self.slots:
            if (view.experiment, view.slot) == (experiment, slot):
                return view
        raise KeyError((experiment, slot))

    def of_experiment(self, experiment: str) -> tuple[SlotView, ...]:
        """Give the slots of one experiment."""
        return tuple(view for view in self.slots if view.experiment == experiment)

    def remapped(self, channel_maps: Mapping[str, Mapping[int, int]]) -> ChannelInspection:
        """Judge another mapping; nothing is read.

        A proof stays where slot and channel are as they were; others are None until `proved`.

        Parameters
        ----------
        channel_maps : mapping of str to mapping of int to int
            As the registry gives them; experiments that are not named stay as they are.
        """
        changed = {
            name: dict(channel_maps.get(name, old)) for name, old in self.channel_maps.items()
        }
        return _judged(replace(self, channel_maps=changed))

    def proved(self, index: MultiExperimentIndex, *, seed: int = 0) -> ChannelInspection:
        """Compare patches anew, as an index with this mapping reads them."""
        return _judged(replace(self, proofs=_proofs(index, seed)))

    def findings(self) -> tuple[Finding, ...]:
        """Slots that look swapped or different, or tell nothing, and proofs that fail."""
        found: list[Finding] = []
        for name, channel_map in self.channel_maps.items():
            for order in self.fov_orders.get(name, ()):
                found += findings_of_order(order, name, self.channel_names[name], channel_map)
            for view in self.of_experiment(name):
                found += finding_of_verdict(view)
                found += finding_of_proof(view)
            found += finding_of_untold(self.of_experiment(name))
        return tuple(found)

    def advice(self, experiment: str) -> str:
        """What to know before an experiment is approved that no slot's sentence says."""
        parts = [
            order_words(order, experiment, self.channel_names[experiment], channel_map)
            for order in self.fov_orders.get(experiment, ())
            if (channel_map := self.channel_maps.get(experiment)) is not None
        ]
        if finding_of_untold(self.of_experiment(experiment)):
            parts.append(f"Looks cannot tell what is in these slots. {_FIND_OUT}, then approve.")
        return " ".join(part for part in parts if part)


def inspect_channels(
    index: MultiExperimentIndex,
    *,
    seed: int = 0,
    n_patches: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> ChannelInspection:
    """Look at all channels of all experiments around a sample of cells.

    What cannot be read is counted and said, and does not raise.

    Parameters
    ----------
    index : MultiExperimentIndex
    seed : int
        Which cells; the same seed looks at the same ones.
    n_patches : int, optional
        Cells of each experiment; by default 48, more where that leaves a FOV fewer than four.
    progress : callable, optional
        Called with the cells looked at and their total.
    stop : callable, optional
        Asked between reads; where it says so, what was seen so far is judged.
    """
    opened = index.registry.opened
    rows = []
    for number in range(len(opened)):
        n_fovs = len(np.unique(index.fov_of_row[index.experiment_of_row == number]))
        enough = max(N_PATCHES, N_PATCHES_PER_FOV * n_fovs)
        rows.append(sample_rows(index, number, n_patches or enough, seed))
    total, done = sum(map(len, rows)), 0
    looks: dict[str, tuple[ChannelSignature, ...]] = {}
    thumbnails: dict[str, Thumbnails] = {}
    unreadable: dict[str, tuple[str, ...]] = {}
    exchanged: dict[str, tuple[FovOrder, ...]] = {}
    complete = True
    for number, experiment in enumerate(opened):
        name = experiment.config.name
        seen: list[Surroundings] = []
        failures: dict[int, str] = {}
        for patch in read_surroundings(index, rows[number], unreadable=failures, stop=stop):
            seen.append(patch)
            if progress is not None:
                progress(done + len(seen) + len(failures), total)
        complete = len(seen) + len(failures) == len(rows[number])
        done += len(rows[number])
        looks[name], exchanged[name] = _looks(index, name, experiment.channel_names, seen)
        unreadable[name] = tuple(dict.fromkeys(failures.values()))
        if not complete:
            break
        chosen = sample_rows(index, number, N_THUMBNAILS, seed)
        thumbnails[name] = read_thumbnails(index, chosen, len(experiment.channel_names))
    inspection = ChannelInspection(
        slots=(),
        slot_labels=tuple(index.registry.slot_labels),
        channel_names={experiment.config.name: experiment.channel_names for experiment in opened},
        channel_maps=index.registry.channel_maps,
        signatures=looks,
        thumbnails=thumbnails,
        unreadable=unreadable,
        complete=complete,
        proofs=_proofs(index, seed) if complete else {},
        fov_orders=exchanged,
    )
    return _judged(inspection)


def _looks(
    index: MultiExperimentIndex, experiment: str, names: tuple[str, ...], seen: list[Surroundings]
) -> tuple[tuple[ChannelSignature, ...], tuple[FovOrder, ...]]:
    """Summarize the channels of an experiment's FOVs, without those that are in another order."""
    features = features_of(seen, len(names))
    fov = [index.fovs[index.fov_of_row[patch.row]].fov.name for patch in seen]
    by_fov = {
        name: signatures(experiment, names, [seen[k] for k in own], features[own])
        for name in dict.fromkeys(fov)
        if (own := [k for k, other in enumerate(fov) if other == name])
    }
    exchanged = fov_orders(by_fov)
    left_out = {name for order in exchanged for name in order.fovs}
    kept = [k for k, name in enumerate(fov) if name not in left_out]
    return signatures(experiment, names, [seen[k] for k in kept], features[kept]), exchanged


def _judged(inspection: ChannelInspection) -> ChannelInspection:
    """Make the slots anew from signatures, mapping and proofs."""
    judged = verdicts(inspection.signatures, inspection.channel_maps)
    slots = []
    for name, channel_map in inspection.channel_maps.items():
        looks = inspection.signatures.get(name, ())
        for slot, channel in sorted(channel_map.items()):
            verdict = judged[name, slot]
            slots.append(
                SlotView(
                    experiment=name,
                    slot=slot,
                    label=inspection.slot_labels[slot],
                    channel_name=inspection.channel_names[name][channel],
                    zarr_index=channel,
                    proof=inspection.proofs.get((name, slot, channel)),
                    signature=looks[channel] if looks and looks[channel].n_patches else None,
                    verdict=verdict,
                    sentence=in_words(verdict, name, slot, inspection),
                )
            )
    return replace(inspection, slots=tuple(slots))


def _proofs(index: MultiExperimentIndex, seed: int) -> dict[tuple[str, int, int], Proof]:
    """Proofs by experiment, slot and zarr index."""
    if not index.fovs:
        return {}
    settings = index.settings.model_copy(update={"return_negative": False})
    try:
        source = PairSource(index, settings)
    except ConfigError:
        # Its dtype cannot hold the store's values: loading says so, and nothing can be read.
        return {}
    result = {}
    for number, experiment in enumerate(index.registry.opened):
        name = experiment.config.name
        rows = sample_rows(index, number, N_PROOFS, seed)
        named = experiment.config.source_channel
        for slot, proof in enumerate(prove(source, rows, named, experiment.channel_names)):
            result[name, slot, experiment.channel_map[slot]] = proof
    return result


_REMAP = (
    "Look at the channels side by side; choose the right channel for the slot (remap), or approve "
    "the mapping if it is right."
)


def finding_of_verdict(view: SlotView) -> list[Finding]:
    """Give a finding where the verdict is that something may be wrong."""
    verdict = view.verdict
    kind, severity = "", "warning"
    match verdict.status:
        case "swapped":
            kind, severity = "channel-swapped", "error" if verdict.sure >= SURE else "warning"
        case "differs":
            kind = "channel-differs"
            if verdict.looks_like is not None and verdict.sure >= SURE:
                severity = "error"
        case "unlike":
            kind = "channel-differs"
        case "blank":
            kind = "channel-blank"
        case _ if verdict.better is not None:
            kind = "channel-swapped"
        case _:
            return []
    evidence = [Evidence("how sure", verdict.sure)]
    if verdict.better is not None:
        evidence.append(Evidence("how sure of the other channel", verdict.better_sure))
    return [
        Finding(
            kind=kind,
            severity="error" if severity == "error" else "warning",
            sentence=view.sentence,
            remedy=_REMAP,
            experiment=view.experiment,
            evidence=tuple(evidence),
            detail=f"slot{view.slot}",
        )
    ]


def finding_of_untold(views: tuple[SlotView, ...]) -> list[Finding]:
    """Give a warning where cells were looked at and no slot of an experiment could be judged."""
    untold = [view for view in views if view.verdict.status == "cannot-tell"]
    if not views or len(untold) < len(views) or not all(view.verdict.likeness for view in untold):
        return []
    experiment = views[0].experiment
    slots = listed(tuple(f"{view.slot} ({view.channel_name})" for view in views))
    return [
        Finding(
            kind="channel-untold",
            severity="warning",
            sentence=(
                f"What is in slot{'s' * (len(views) > 1)} {slots} of {experiment} cannot be told "
                "by looks: an approval rests on who looks."
            ),
            remedy=f"{_FIND_OUT}. Then approve, and waive this with how it was found out.",
            experiment=experiment,
            evidence=(
                Evidence("likeliest order", max(view.verdict.sure for view in views)),
                Evidence("slots", float(len(views))),
            ),
        )
    ]


_FIND_OUT = (
    "Look for what only one stain shows: a control without it, the wavelength in the microscope's "
    "own metadata, what it does through a division"
)


def finding_of_proof(view: SlotView) -> list[Finding]:
    """Give an error where the dataset's pixels are not the channel's, a warning where unknown."""
    proof = view.proof
    if proof is None or (proof.holds and not proof.n_unreadable) or not proof.n_patches:
        return []
    differs = bool(proof.first_difference)
    return [
        Finding(
            kind="channel-proof",
            severity="error" if differs else "warning",
            sentence=f"Slot {view.slot} of {view.experiment}: {proof.words}",
            remedy="Check the FOV's channel names, and that nobody writes to the store."
            if differs
            else "Mend or exclude what cannot be read.",
            experiment=view.experiment,
            evidence=(
                Evidence("equal patches", proof.n_equal),
                Evidence("patches", proof.n_patches),
            ),
            detail=f"slot{view.slot}",
            count=proof.n_patches - proof.n_equal,
        )
    ]
