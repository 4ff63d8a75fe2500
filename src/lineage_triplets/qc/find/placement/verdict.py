"""What was found out about one FOV's table, to be kept and told in words, and what mends it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lineage_triplets.engine.settings.track_transform import TrackTransform
from lineage_triplets.qc.find.placement.z import ZJudgement

if TYPE_CHECKING:
    from lineage_triplets.qc.find.placement.hypotheses import Hypothesis
    from lineage_triplets.qc.find.placement.judge import Judgement, Status, Timing

Cause = Literal[
    "",
    "offset",
    "micrometres",
    "scaled",
    "swapped",
    "mirrored",
    "turned",
    "frames",
    "reversed",
    "z",
]

_SAME_SCALE = 0.03
_SAME_AS_TOLD = 0.02
# What is measured is nearer than that: a scale 1 % off is 10 px at the end of 1,000.
_TAKEN_AS_TOLD = 0.005
_SAME_PX = 3.0
_CLEAR_RATIO, _CLEAR_TIMES = 4.0, 2.0
_CLEAR_T = 5.0


@dataclass(frozen=True)
class Placement:
    """Whether one FOV's table lies on its images.

    Attributes
    ----------
    experiment, fov : str
    status : {"fits", "misfit", "unknown", "cannot-tell"}
    cause : str
        What happened to a table that does not fit; empty for others.
    transform : TrackTransform or None
        What mends it, whole: in the place of what the config says.
    words : str
        What would make it fit, for a person.
    is_clear : bool
        Whether the images leave no doubt.
    ratio, best_ratio : float
        R of the table as it is and of what fits best: how far more rows lie on objects than at the
        best chance alignment, which is 1.
    timing : {"sure", "untold", "late"}
        Whether frames are known to be the right ones.
    n_rows, n_tracks : int
        In the frames that were looked at.
    frames : tuple of int
        These frames.
    why : str
        Why it cannot be told.
    z : ZJudgement or None
        Of slices; None where there are none, or they cannot be told.
    signs : tuple of str
        What the table alone tells, where the images do not.
    nearer_px, nearer_t : float
        Of a table whose frames are late, how much nearer to objects cells are in the right ones,
        and Student's t of that over tracks.
    """

    experiment: str
    fov: str
    status: Status
    cause: Cause = ""
    transform: TrackTransform | None = None
    words: str = ""
    is_clear: bool = False
    ratio: float = 0.0
    best_ratio: float = 0.0
    timing: Timing = "untold"
    n_rows: int = 0
    n_tracks: int = 0
    frames: tuple[int, ...] = field(default=())
    why: str = ""
    z: ZJudgement | None = None
    signs: tuple[str, ...] = field(default=())
    nearer_px: float = 0.0
    nearer_t: float = 0.0

    @property
    def sentence(self) -> str:
        """What was found, for a biologist."""
        seen = f"{self.n_rows} rows of {len(self.frames)} frames"
        match self.status:
            case "fits":
                timing = (
                    "" if self.timing == "sure" else "; whether a frame early or late is untold"
                )
                return f"The table lies on the images (R {self.ratio:.1f}, {seen}{timing})."
            case "misfit" if self.cause == "z":
                return f"The table's slices are not those of the images: {self.words}."
            case "misfit" if self.timing == "late" and self.cause == "frames":
                return (
                    f"The table does not lie on the images: {self.words}. Its cells are then "
                    f"{self.nearer_px:.1f} px nearer to what is seen, on average over "
                    f"{self.n_tracks} tracks (t = {self.nearer_t:.1f}; {seen})."
                )
            case "misfit":
                return (
                    f"The table does not lie on the images: {self.words}. There its rows lie on "
                    f"what is seen {_times(self.best_ratio)}, as it is {_times(self.ratio)} "
                    f"({seen})."
                )
            case "unknown":
                return (
                    f"The table does not lie on the images (R {self.ratio:.1f}, {seen}), and no "
                    "shift, scale, exchange, turn or other frame makes it: it may be the table of "
                    "another FOV."
                )
            case _:
                words = f"Whether the table lies on the images cannot be told: {self.why}."
                return " ".join((words, *self.signs))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = asdict(self)
        values["transform"] = (
            None if self.transform is None else self.transform.model_dump(mode="json")
        )
        return values

    @classmethod
    def of_dict(cls, values: dict[str, Any]) -> Placement:
        """Make it from `as_dict`."""
        given = dict(values)
        given["frames"] = tuple(given["frames"])
        given["signs"] = tuple(given["signs"])
        if given["transform"] is not None:
            given["transform"] = TrackTransform.model_validate(given["transform"])
        if given["z"] is not None:
            given["z"] = ZJudgement(**given["z"])
        return cls(**given)


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times as much as by chance"


def placement_of(
    experiment: str,
    fov: str,
    judgement: Judgement,
    frames: tuple[int, ...],
    shape: tuple[int, int],
    *,
    pixel_size_um: tuple[float, float] | None = None,
    before: TrackTransform | None = None,
    z: ZJudgement | None = None,
) -> Placement:
    """Say what a judgement comes to.

    Parameters
    ----------
    experiment, fov : str
    judgement : Judgement
    frames : tuple of int
        That were looked at.
    shape : (int, int)
        Of the images, in pixels.
    pixel_size_um : tuple of float, optional
        (y, x), where the store tells.
    before : TrackTransform, optional
        What the config says already, and the judgement is on top of.
    z : ZJudgement, optional
    """
    found = Placement(
        experiment,
        fov,
        judgement.status,
        ratio=judgement.ratio,
        best_ratio=judgement.best_ratio,
        timing=judgement.timing,
        n_rows=judgement.n_rows,
        n_tracks=judgement.n_tracks,
        frames=frames,
        why=judgement.why,
        z=z,
    )
    z_is_wrong = z is not None and z.cause != "as-is"
    if judgement.status != "misfit" and not (judgement.status == "fits" and z_is_wrong):
        return found
    known = tidy(judgement.hypothesis, shape, pixel_size_um)
    steps = (_z_step(z),) if z is not None and z_is_wrong else ()
    transform = None
    if not known.reversed_time and not (z_is_wrong and z is not None and z.cause == "flat"):
        transform = _after(before, known, z if z_is_wrong else None)
    said = [step for step in (*_said(known, shape, pixel_size_um), *steps) if step]
    clear = judgement.best_ratio >= max(_CLEAR_RATIO, _CLEAR_TIMES * judgement.ratio)
    nearer_px, nearer_t = _nearer(judgement)
    if judgement.timing == "late" and not clear:
        clear = nearer_t >= _CLEAR_T
    if judgement.status == "fits" and z is not None:
        clear = z.t_value >= _CLEAR_T
    return replace(
        found,
        status="misfit",
        cause=_cause(known, pixel_size_um) or "z",
        transform=transform,
        words=" and ".join(said),
        is_clear=clear,
        nearer_px=nearer_px,
        nearer_t=nearer_t,
    )


def _nearer(judgement: Judgement) -> tuple[float, float]:
    """How much nearer to objects cells are than a frame back towards the table as it is."""
    late = judgement.hypothesis.first_frame
    back = late - (1 if late > 0 else -1)
    for gain in judgement.gains:
        if late and gain.shift == back:
            return -gain.mean_px, -gain.t_value
    return 0.0, 0.0


def tidy(
    known: Hypothesis, shape: tuple[int, int], pixel_size_um: tuple[float, float] | None
) -> Hypothesis:
    """Round a hypothesis to what somebody would have done, where it is that near.

    The scale of the store's pixel size for one within 0.5 % of it, 1 within 3 %, no offset within
    3 px, and an axis that is mirrored about the very middle of the image.
    """
    scale = [known.scale_y, known.scale_x]
    for told in _told(pixel_size_um):
        if all(abs(abs(s) / t - 1) < _TAKEN_AS_TOLD for s, t in zip(scale, told, strict=True)):
            scale = [float(np.copysign(t, s)) for s, t in zip(scale, told, strict=True)]
    if known.cause != "scaled" and all(abs(abs(s) - 1) < _SAME_SCALE for s in scale):
        scale = [float(np.sign(s)) for s in scale]
    offset = []
    for s, length, away in zip(scale, shape, (known.offset_y, known.offset_x), strict=True):
        whole = length - 1.0 if s < 0 else 0.0
        offset.append(whole if abs(away - whole) <= _SAME_PX else float(round(away, 1)))
    scale_y, scale_x = (round(s, 6) for s in scale)
    return replace(known, scale_y=scale_y, scale_x=scale_x, offset_y=offset[0], offset_x=offset[1])


def _told(pixel_size_um: tuple[float, float] | None) -> list[tuple[float, float]]:
    if pixel_size_um is None:
        return []
    y, x = pixel_size_um
    return [(1 / y, 1 / x), (y, x)]


def _cause(known: Hypothesis, pixel_size_um: tuple[float, float] | None) -> Cause:
    """The cause in a word, where the table lies before when."""
    spatial = replace(known, first_frame=0, reversed_time=False).cause
    cause = known.cause if spatial == "as-is" else spatial
    if cause == "scaled" and _in_um(known, pixel_size_um):
        return "micrometres"
    return "" if cause == "as-is" else cause


def _in_um(known: Hypothesis, pixel_size_um: tuple[float, float] | None) -> bool:
    return (
        pixel_size_um is not None
        and abs(np.log(pixel_size_um[0])) > _SAME_AS_TOLD
        and abs(known.scale * pixel_size_um[0] - 1) < _SAME_AS_TOLD
    )


def _said(
    known: Hypothesis, shape: tuple[int, int], pixel_size_um: tuple[float, float] | None
) -> list[str]:
    said = []
    mirrored = [name for name, s in (("y", known.scale_y), ("x", known.scale_x)) if s < 0]
    if known.swap_xy and len(mirrored) == 1:
        said.append("it is turned by 90 degrees")
    elif not known.swap_xy and len(mirrored) == 2:
        said.append("it is turned by 180 degrees")
    else:
        said += ["x and y are exchanged"] if known.swap_xy else []
        said += [f"{' and '.join(mirrored)} runs the other way"] if mirrored else []
    if _in_um(known, pixel_size_um):
        said.append(f"positions are in micrometres, {known.scale:.4g} pixels each")
    elif abs(known.scale - 1) > 1e-9:
        said.append(f"positions are to be taken times {known.scale:.4g}")
    whole = [
        n - 1.0 if s < 0 else 0.0
        for n, s in zip(shape, (known.scale_y, known.scale_x), strict=True)
    ]
    away = known.offset_y - whole[0], known.offset_x - whole[1]
    if any(away):
        said.append(f"positions are off by {-away[0]:.0f} px in y and {-away[1]:.0f} px in x")
    if known.first_frame:
        late = "late" if known.first_frame > 0 else "early"
        frames = "a frame" if abs(known.first_frame) == 1 else f"{abs(known.first_frame)} frames"
        said.append(
            f"its frames are {frames} {late}: the image's frame 0 is its t = {known.first_frame}"
        )
    if known.reversed_time:
        said.append("its frames run backwards")
    return said


def _z_step(z: ZJudgement) -> str:
    match z.cause:
        case "reversed":
            how = "z runs the other way"
        case "shifted":
            how = f"z is off by about {-z.offset:.0f} slices"
        case "flat":
            how = "z is the same for all cells, and they are seen in other slices"
        case _:
            how = f"z is to be taken times {z.scale:.3g}"
    away = f"{z.cost:.1f} slices away as it is"
    if z.cause == "flat":
        return f"{how}, {away}"
    return f"{how}: cells are then seen {z.best_cost:.1f} slices away on average, {away}"


def _after(
    before: TrackTransform | None, known: Hypothesis, z: ZJudgement | None
) -> TrackTransform:
    """One transform for two after each other."""
    first = TrackTransform() if before is None else before
    scale, offset = list(first.scale), list(first.offset)
    if known.swap_xy:
        scale[1:], offset[1:] = scale[:0:-1], offset[:0:-1]
    z_scale, z_offset = (1.0, 0.0) if z is None else (z.scale, z.offset)
    factors = (z_scale, known.scale_y, known.scale_x)
    added = (z_offset, known.offset_y, known.offset_x)
    return TrackTransform.model_validate(
        {
            "first_frame": first.first_frame + known.first_frame,
            "swap_xy": first.swap_xy != known.swap_xy,
            "unit": first.unit,
            "scale": [round(s * f, 6) for s, f in zip(scale, factors, strict=True)],
            "offset": [round(o * f + a, 3) for o, f, a in zip(offset, factors, added, strict=True)],
        }
    )
