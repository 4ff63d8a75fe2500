"""Verdicts and proofs in words, and as findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.qc.channels.verdict import SURE
from lineage_triplets.qc.findings import Evidence, Finding

if TYPE_CHECKING:
    from lineage_triplets.qc.channels.inspection import ChannelInspection, SlotView
    from lineage_triplets.qc.channels.verdict import Verdict

_REMAP = (
    "Look at the channels side by side; choose the right channel for the slot (remap), or approve "
    "the mapping if it is right."
)


def listed(names: tuple[str, ...]) -> str:
    """``a``, ``a and b``, ``a, b and c``; beyond four, how many more."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _sure(probability: float) -> str:
    return "over 99 % sure" if probability > 0.99 else f"{100 * probability:.0f} % sure"


def in_words(verdict: Verdict, experiment: str, slot: int, inspection: ChannelInspection) -> str:
    """Say what a slot looks like, with how sure that is."""
    names = inspection.channel_names[experiment]
    channel = names[inspection.channel_maps[experiment][slot]]
    words = _words(
        verdict, f"Slot {slot} of {experiment} ({channel})", experiment, slot, inspection
    )
    if verdict.better is None:
        return words
    return (
        f"{words} Its {names[verdict.better]} (zarr {verdict.better}), in no slot, looks more like "
        f"slot {slot} of {listed(verdict.others)} than {channel} does "
        f"({_sure(verdict.better_sure)})."
    )


def _words(
    verdict: Verdict, this: str, experiment: str, slot: int, inspection: ChannelInspection
) -> str:
    others, sure = listed(verdict.others) if verdict.others else "", _sure(verdict.sure)
    match verdict.status:
        case "same":
            return f"{this} looks like slot {slot} of {others} ({sure})."
        case "swapped":
            return f"{this} looks like slot {verdict.looks_like} of {others} ({sure})."
        case "differs":
            one, *_ = verdict.others
            said = f"{this} and slot {slot} of {others} do not show the same"
            if verdict.looks_like is not None:
                said += f": it looks like slot {verdict.looks_like} of {one}"
            why = (
                "Two experiments cannot tell"
                if len(inspection.channel_maps) == 2
                else "These experiments do not tell"
            )
            return f"{said} ({sure}). {why} which of them is wrong."
        case "unlike":
            whatever = (
                "no slot" if len(verdict.likeness) > 1 else f"no other experiment's slot {slot}"
            )
            return f"{this} looks like {whatever}, unlike those of {others} ({sure})."
        case "blank":
            return f"{this} has nothing to see: one value all around every cell looked at."
        case "alone":
            return f"{this}: cannot tell, no other experiment has a slot {slot} to compare with."
        case _:
            return f"{this}: cannot tell. {_why_not(verdict, experiment, slot, inspection)}"


def _why_not(verdict: Verdict, experiment: str, slot: int, inspection: ChannelInspection) -> str:
    if not verdict.likeness:
        reasons = inspection.unreadable.get(experiment, ())
        return f"No patch could be read: {reasons[0]}" if reasons else "No cell was looked at."
    if len(verdict.likeness) > 1:
        alike = [k for k, p in enumerate(verdict.likeness) if k == slot or p >= 0.1]
        slots = f"slots {listed(tuple(map(str, alike)))}" if len(alike) > 1 else "the slots"
        return (
            f"By what is around these cells, {slots} look too much alike: their likeliest order is "
            f"{100 * verdict.sure:.0f} % likely."
        )
    return (
        f"It is neither much like slot {slot} of {listed(verdict.others)} nor clearly another "
        f"stain; that it is the same is {100 * verdict.sure:.0f} % likely."
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
