"""Where a table's frames and positions are in the image, as a config says it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from lineage_triplets.engine.settings.values import FiniteNumber, no_flag


def _of_all_axes(value: object, z: float, wanted: str) -> object:
    if not isinstance(value, list | tuple) or len(value) not in {2, 3}:
        raise ValueError(wanted)
    return (z, *value) if len(value) == 2 else value


class TrackTransform(BaseModel, frozen=True, extra="forbid"):
    """Where a table's frames and positions are in the image.

    ``t - first_frame`` is the image's frame. Of positions, x and y are exchanged first, then
    ``position * scale + offset`` is in the image's pixels and slices. All that follows, ids of cut
    tracks, exclusions and exports among it, is in the image's frames and pixels.

    Attributes
    ----------
    first_frame : int
        The table's ``t`` of the image's frame 0.
    swap_xy : bool
        The table's y is the image's x, and the other way round.
    scale : (z, y, x)
        Pixels for one unit of the table, along the image's axes; one number, or (y, x), leaves
        z. A negative one mirrors, together with an offset of the image's size - 1.
    offset : (z, y, x)
        Pixels, added last; (y, x) leaves z.
    unit : {"pixel", "um"} or None
        What the table's positions are in: "um" divides them by each image's pixel size, and
        "pixel" takes them as they are. None takes what the file says, and "pixel" where it says
        nothing. A scale is of the table's numbers: beside it no unit is looked at.

    Examples
    --------
    >>> from lineage_triplets import TrackTransform
    >>> um_to_px = TrackTransform(scale=1 / 0.325, first_frame=1)
    >>> um_to_px.words
    'first_frame: 1, scale: [1, 3.07692, 3.07692]'
    """

    first_frame: Annotated[int, Field(gt=-(2**31), lt=2**31), BeforeValidator(no_flag)] = 0
    swap_xy: bool = False
    scale: tuple[FiniteNumber, FiniteNumber, FiniteNumber] = (1.0, 1.0, 1.0)
    offset: tuple[FiniteNumber, FiniteNumber, FiniteNumber] = (0.0, 0.0, 0.0)
    unit: Literal["pixel", "um"] | None = None

    @field_validator("scale", mode="before")
    @classmethod
    def _scale_of_all_axes(cls, value: object) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return (1.0, value, value)
        return _of_all_axes(value, 1.0, "scale is one number, [y, x] or [z, y, x]")

    @field_validator("offset", mode="before")
    @classmethod
    def _offset_of_all_axes(cls, value: object) -> object:
        return _of_all_axes(value, 0.0, "offset is [y, x] or [z, y, x]")

    @field_validator("scale")
    @classmethod
    def _not_zero(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if 0 in value:
            raise ValueError("a scale of 0 puts all cells on one line")
        return value

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if self.unit == "um" and self.scale != (1.0, 1.0, 1.0):
            raise ValueError(
                "unit: um takes the images' pixel size for the scale: give one of them"
            )
        return self

    @property
    def words(self) -> str:
        """What it does, as the config says it; empty if it does nothing."""
        said = []
        for key, value in self.model_dump(mode="json", exclude_defaults=True).items():
            if isinstance(value, list):
                shown = f"[{', '.join(f'{number:g}' for number in value)}]"
            else:
                shown = str(value).lower()
            said.append(f"{key}: {shown}")
        return ", ".join(said)
