"""Kinds of values that a config has: text as it was written, numbers that are no flags, models."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


def as_text(value: object) -> object:
    """Read a YAML scalar as the text that was written."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return getattr(value, "text", str(value))
    return str(value) if hasattr(value, "__fspath__") or hasattr(value, "isoformat") else value


Text = Annotated[str, BeforeValidator(as_text)]
Name = Annotated[Text, StringConstraints(min_length=1)]


def no_flag(value: object) -> object:
    """Refuse true and false, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number is expected")
    return value


Number = Annotated[float, BeforeValidator(no_flag)]
FiniteNumber = Annotated[Number, Field(allow_inf_nan=False)]

# Arrays of 64 bits hold any number of a config, and what is reckoned from the smaller ones.
WholeNumber = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
PositiveCount = Annotated[int, Field(ge=1, lt=2**31)]


class StrictModel(BaseModel):
    """A frozen model to which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
