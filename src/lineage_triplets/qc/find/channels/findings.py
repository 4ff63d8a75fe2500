"""What an inspection of channels finds wrong, and what it advises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.qc.find.channels.fov_orders import findings_of_order, order_words
from lineage_triplets.qc.find.channels.verdict import SURE
from lineage_triplets.qc.find.channels.words import listed
from lineage_triplets.qc.find.finding import Evidence, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.qc.find.channels.inspection import ChannelInspection, SlotView

_REMAP = (
    "Look at the channels side by side; choose the right channel for the slot (remap), or approve "
    "the mapping if it is right."
)
_FIND_OUT = (
    "Look for what only one stain shows: a control without it, the wavelength in the microscope's "
    "own metadata, what it does through a division"
)


def all_findings(inspection: ChannelInspection) -> Iterator[Finding]:
    """Give all findings, experiment by experiment."""
    for name, channel_map in inspection.channel_maps.items():
        names, views = inspection.channel_names[name], inspection.of_experiment(name)
        for order in inspection.fov_orders.get(name, ()):
            yield from findings_of_order(order, name, names, channel_map)
        for view in views:
            if not _is_vignette(inspection, view):
                yield from finding_of_verdict(view)
            yield from finding_of_proof(view)
            yield from finding_of_light(inspection, view)
        yield from finding_of_untold(views)


def advice_words(inspection: ChannelInspection, experiment: str) -> str:
    """Say what to know before an experiment is approved that no slot's sentence says."""
    parts = [
        order_words(order, experiment, inspection.channel_names[experiment], channel_map)
        for order in inspection.fov_orders.get(experiment, ())
        if (channel_map := inspection.channel_maps.get(experiment)) is not None
    ]
    if finding_of_untold(inspection.of_experiment(experiment)):
        parts.append(f"Looks cannot tell what is in these slots. {_FIND_OUT}, then approve.")
    return " ".join(part for part in parts if part)


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


def _is_vignette(inspection: ChannelInspection, view: SlotView) -> bool:
    """Whether a slot looks unlike others where it, or each of these, is lit unevenly.

    That it looks like another slot is no vignette's doing.
    """
    verdict = view.verdict
    by_looks = verdict.status in {"unlike", "differs"} and verdict.better is None
    if not by_looks or verdict.looks_like not in {None, view.slot}:
        return False

    def is_uneven(experiment: str) -> bool:
        return inspection.channel_maps[experiment][view.slot] in inspection.light.get(
            experiment, {}
        )

    others = verdict.others
    return is_uneven(view.experiment) or (bool(others) and all(map(is_uneven, others)))


def finding_of_light(inspection: ChannelInspection, view: SlotView) -> list[Finding]:
    """Give a note where a slot's light falls off over the field."""
    light = inspection.light.get(view.experiment, {}).get(view.zarr_index)
    if light is None:
        return []
    unlike = _is_vignette(inspection, view)
    return [
        Finding(
            kind="channel-vignette",
            severity="note",
            sentence=(
                f"Slot {view.slot} of {view.experiment} ({view.channel_name}) is lit unevenly: "
                f"at its darkest the field has {100 * light.darkest:.0f} % of its brightest. "
                "Channels were compared without that"
                + (", and what is left of it may look unlike." if unlike else ".")
            ),
            remedy="Nothing has to be done; a flat-field correction would even it out.",
            experiment=view.experiment,
            evidence=(Evidence("darkest of brightest", 100 * light.darkest, "%"),),
            detail=f"slot{view.slot}",
        )
    ]


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
