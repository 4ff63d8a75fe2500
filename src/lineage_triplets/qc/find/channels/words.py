"""What a slot looks like, said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage_triplets.qc.find.channels.inspection import ChannelInspection
    from lineage_triplets.qc.find.channels.verdict import Verdict


def listed(names: tuple[str, ...]) -> str:
    """``a``, ``a and b``, ``a, b and c``; beyond four, how many more."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def sure_words(probability: float) -> str:
    """``"93 % sure"``."""
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
        f"({sure_words(verdict.better_sure)})."
    )


def _words(
    verdict: Verdict, this: str, experiment: str, slot: int, inspection: ChannelInspection
) -> str:
    others, sure = listed(verdict.others) if verdict.others else "", sure_words(verdict.sure)
    match verdict.status:
        case "same":
            return f"{this} looks like slot {slot} of {others} ({sure})."
        case "swapped":
            return f"{this} looks like slot {verdict.looks_like} of {others} ({sure})."
        case "differs":
            other, *_ = verdict.others
            said = f"{this} and slot {slot} of {others} do not show the same"
            if verdict.looks_like is not None:
                said += f": it looks like slot {verdict.looks_like} of {other}"
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
