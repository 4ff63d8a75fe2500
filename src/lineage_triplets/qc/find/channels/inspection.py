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
from lineage_triplets.qc.find.channels.findings import advice_words, all_findings
from lineage_triplets.qc.find.channels.fov_orders import FovOrder, fov_orders
from lineage_triplets.qc.find.channels.illumination import Illumination, evened, uneven_light
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
from lineage_triplets.qc.find.channels.verdict import Verdict, verdicts
from lineage_triplets.qc.find.channels.words import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lineage_triplets.engine.arrays import Float64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.find.channels.sample import Surroundings
    from lineage_triplets.qc.find.finding import Finding

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
    light : dict of str to dict of int to Illumination
        For an experiment, by zarr index, channels whose vignette was taken off before comparing.
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
    light: dict[str, dict[int, Illumination]] = field(default_factory=dict, repr=False)

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

    def proved(
        self,
        index: MultiExperimentIndex,
        *,
        seed: int = 0,
        stop: Callable[[], bool] | None = None,
    ) -> ChannelInspection:
        """Compare patches anew, as an index with this mapping reads them, until `stop` says so."""
        return _judged(replace(self, proofs=_proofs(index, seed, stop)))

    def findings(self) -> tuple[Finding, ...]:
        """Slots that look swapped or different, or tell nothing, and proofs that fail."""
        return tuple(all_findings(self))

    def advice(self, experiment: str) -> str:
        """What to know before an experiment is approved that no slot's sentence says."""
        return advice_words(self, experiment)


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
    light: dict[str, dict[int, Illumination]] = {}
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
        light[name] = uneven_light(seen)
        features = features_of(evened(seen, light[name]), len(experiment.channel_names))
        looks[name], exchanged[name] = _looks(index, name, experiment.channel_names, seen, features)
        unreadable[name] = tuple(dict.fromkeys(failures.values()))
        if not complete:
            break
        chosen = sample_rows(index, number, N_THUMBNAILS, seed)
        thumbnails[name] = read_thumbnails(index, chosen, len(experiment.channel_names), stop)
        if stop is not None and stop():
            complete = False
            break
    inspection = ChannelInspection(
        slots=(),
        slot_labels=tuple(index.registry.slot_labels),
        channel_names={experiment.config.name: experiment.channel_names for experiment in opened},
        channel_maps=index.registry.channel_maps,
        signatures=looks,
        thumbnails=thumbnails,
        unreadable=unreadable,
        complete=complete,
        proofs=_proofs(index, seed, stop) if complete else {},
        fov_orders=exchanged,
        light=light,
    )
    return _judged(inspection)


def _looks(
    index: MultiExperimentIndex,
    experiment: str,
    names: tuple[str, ...],
    seen: list[Surroundings],
    features: Float64Array,
) -> tuple[tuple[ChannelSignature, ...], tuple[FovOrder, ...]]:
    """Summarize the channels of an experiment's FOVs, without those that are in another order."""
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


def _proofs(
    index: MultiExperimentIndex, seed: int, stop: Callable[[], bool] | None
) -> dict[tuple[str, int, int], Proof]:
    """Proofs by experiment, slot and zarr index; those that were made before it was stopped."""
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
        if stop is not None and stop():
            break
        proofs = prove(source, rows, named, experiment.channel_names, stop)
        for slot, proof in enumerate(proofs):
            result[name, slot, experiment.channel_map[slot]] = proof
    return result
