"""A property that is made when it is first asked for, without threads that wait for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Made = TypeVar("Made")


class Derived(Generic[Made]):
    """A property that is made when it is first asked for, and kept.

    No thread waits for another that makes it, as it would for a `cached_property` of Python 3.11.
    """

    def __init__(self, make: Callable[[Any], Made]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Made:
        made = vars(instance)[self._name] = self._make(instance)
        return made
