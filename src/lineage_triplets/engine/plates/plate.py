"""Plates, collections of series and single images from their JSON alone, as wells with FOVs."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import Problem, StoreError, choices
from lineage_triplets.engine.plates.collections import (
    find_series,
    is_collection,
    look_inside,
)
from lineage_triplets.engine.plates.image import SINGLE_IMAGE_FOV, Fov, open_image
from lineage_triplets.engine.plates.stores import join, join_inside, location, subfolders
from lineage_triplets.engine.plates.zarr_json import node_attributes, store_fault, understood
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.engine.waiting import wanted_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_READ_AT_ONCE = 16


@dataclass(frozen=True)
class Plate:
    """A plate's wells; or a collection's series, a well each; or an image as a plate of one FOV.

    Attributes
    ----------
    path : str
    wells : tuple of str
        As the plate's metadata list them, ``"A/1"``; of a collection ``"{series}/0"``.
    single_image : bool
        Whether `path` is one image.
    series : dict of str to str
        Of a collection: name of each FOV, ``"{series}/0/0"``, to the path of its image inside.
    acquisitions : dict of int to str
        Numbers and names of the acquisitions that the plate's metadata list.
    """

    path: str
    wells: tuple[str, ...]
    single_image: bool = False
    series: Mapping[str, str] = field(default_factory=dict)
    acquisitions: Mapping[int, str] = field(default_factory=dict)
    _fovs: dict[str, Fov] = field(default_factory=dict, repr=False, compare=False)
    _names: dict[str, dict[str, int | None]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def folder_pattern(self) -> str:
        """Where a FOV's table lies below the folder of tables, in words."""
        return "{series}" if self.series else "{row}/{column}/{fov}"

    def fov_names(self, wells: Iterable[str] | None = None) -> list[str]:
        """Names of the FOVs in some wells (all by default); reads the wells' metadata alone.

        Raises
        ------
        StoreError
            A well that the plate lists is absent or has no metadata.
        """
        if self.single_image:
            return [SINGLE_IMAGE_FOV]
        wanted = list(self.wells if wells is None else wells)
        self.read_ahead(wells=wanted)
        return [name for well in wanted for name in self._fovs_of_well(well)]

    def read_ahead(self, *, wells: Sequence[str] = (), fovs: Sequence[str] = ()) -> None:
        """Read metadata of wells and FOVs side by side, if each costs a server's round trips.

        What is wrong with one is said when it is asked for.
        """
        if not is_url(self.path) or self.single_image:
            return
        left = threading.Event()
        with wanted_until(left.is_set), ThreadPoolExecutor(_READ_AT_ONCE) as pool:
            try:
                for read, names, known in (
                    (self._fovs_of_well, wells, self._names),
                    (self.fov, fovs, self._fovs),
                ):
                    asked = [
                        pool.submit(copy_context().run, read, name)
                        for name in names
                        if name not in known
                    ]
                    for answer in asked:
                        with contextlib.suppress(StoreError):
                            answer.result()
            except BaseException:
                left.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def acquisition_of(self, fov: str) -> int | None:
        """Number of the acquisition that a FOV is of; None where its well does not say."""
        return None if self.single_image else self._fovs_of_well(fov.rpartition("/")[0])[fov]

    def _fovs_of_well(self, well: str) -> dict[str, int | None]:
        """Name and acquisition of each FOV."""
        if self.series:
            return {f"{well}/0": None}
        if well not in self._names:
            folder = join_inside(self.path, well)
            with understood(folder):
                attributes, _ = node_attributes(folder)
                images = attributes.get("well", {}).get("images")
                if isinstance(images, list):
                    named = [(image["path"], image) for image in images if "path" in image]
            if not isinstance(images, list):
                raise store_fault(
                    "not-a-well",
                    f"the plate lists the well {well}, which has no well metadata.",
                    "Mend the plate, or leave that well out with include_wells.",
                    folder,
                )
            fovs: dict[str, int | None] = {}
            for path, image in named:
                number = image.get("acquisition")
                fovs.setdefault(f"{well}/{path}", number if isinstance(number, int) else None)
            self._names[well] = fovs
        return self._names[well]

    def fov(self, name: str) -> Fov:
        """Open one FOV; no other FOV is touched.

        Raises
        ------
        StoreError
            It is absent, unreadable, or no image that we know.
        """
        if name not in self._fovs:
            inside = self.series.get(name, name)
            path = self.path if self.single_image else join_inside(self.path, inside)
            self._fovs[name] = open_image(path, name)
        return self._fovs[name]

    def first_fov(self) -> Fov:
        """Open the first FOV that is really there; plates may list some that are absent.

        Raises
        ------
        StoreError
            There is none.
        """
        first_error: StoreError | None = None
        for well in self.wells:
            try:
                for name in self.fov_names([well]):
                    try:
                        return self.fov(name)
                    except StoreError as error:
                        first_error = first_error or error
            except StoreError as error:
                first_error = first_error or error
        raise first_error or StoreError(
            Problem("empty-plate", "the plate has no FOV.", "Name another plate.", file=self.path)
        )

    def has_fov(self, name: str) -> bool:
        """Whether the plate lists a FOV."""
        well = name.rsplit("/", 1)[0]
        try:
            return well in self.wells and name in self.fov_names([well])
        except StoreError:
            return False


def open_plate(path: str | Path) -> Plate:
    """Open a plate, a collection of series, or one image as a plate with one FOV ``0/0/0``.

    Raises
    ------
    StoreError
        There is nothing, it cannot be read, or it is none of these; what lies inside is named.
    """
    folder = location(path)
    try:
        with understood(folder):
            attributes, node = node_attributes(folder)
            if isinstance(attributes.get("plate"), dict):
                return _plate(folder, attributes["plate"])
            if node == "array" or "multiscales" in attributes:
                return Plate(folder, ("0/0",), single_image=True)
            if is_collection(attributes):
                series = find_series(folder)
                return Plate(
                    folder, tuple(name.removesuffix("/0") for name in series), series=series
                )
    except StoreError as error:
        if error.problems[0].kind == "not-zarr":
            raise _refusal(folder, error.problems[0]) from None
        raise
    inside = subfolders(folder)
    holds = "" if inside is None else f"; it holds {choices(inside)}"
    message = f"neither an OME-Zarr plate nor an image{holds}."
    remedy = "Name the folder whose metadata have 'plate' or 'multiscales'."
    raise _refusal(folder, Problem("not-a-plate", message, remedy, file=folder))


def _plate(folder: str, described: dict[str, Any]) -> Plate:
    wells = [well["path"].strip("/") for well in described.get("wells", [])]
    acquisitions = {
        acquisition["id"]: str(acquisition.get("name") or "")
        for acquisition in described.get("acquisitions") or []
        if isinstance(acquisition.get("id"), int)
    }
    return Plate(folder, tuple(dict.fromkeys(wells)), acquisitions=acquisitions)


def _refusal(folder: str, problem: Problem) -> StoreError:
    """The error for a folder that is none of these, with what lies inside, if anything does."""
    inside = look_inside(folder)
    if not inside.best:
        return StoreError(problem)
    one = inside.best[0]
    return StoreError(
        replace(
            problem,
            message=f"it is neither an OME-Zarr plate nor an image, and holds "
            f"{inside.description()}.",
            remedy=f"Give {join(folder, one)}."
            if len(inside.best) == 1
            else f"Give one of them, as {join(folder, one)}.",
        )
    )


def only_plate_inside(path: str | Path) -> str | None:
    """Where the one plate (else collection, else image) lies below a group; None if not one."""
    inside = look_inside(location(path)).best
    return inside[0] if len(inside) == 1 else None
