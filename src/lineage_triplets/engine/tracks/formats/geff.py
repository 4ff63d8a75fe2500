"""GEFF, the graph exchange file format: zarr 2 or 3, itself or one level down in a folder.

Its plain layout is read, a few arrays of it: ids, edges, the axes, and what filters them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import TrackTableError, choices, counted
from lineage_triplets.engine.tracks.formats.base import Lengths, RawTable, TrackFormat, TrackSource
from lineage_triplets.engine.tracks.formats.glimpse import Glimpse
from lineage_triplets.engine.tracks.formats.graph import Cells, table_of_links
from lineage_triplets.engine.tracks.formats.trackmate_csv import spots_left_out
from lineage_triplets.engine.tracks.formats.values import lengths_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.errors import Problem

_WHAT = "a GEFF"
_FRAME_PROPERTIES = ("FRAME", "frame", "Frame", "timepoint")
# Names of properties where the metadata have no axes; {0} is z, y or x.
_TIMES = ("t", "time", "timepoint", "frame", "FRAME")
_PLACES = ("{0}", "cell_{0}", "POSITION_{1}")
_TRACKLETS = ("tracklet_id", "track_id")
# By what a property's or an axis's name ends in.
_AXES = ("z", "y", "x")


def read(source: TrackSource) -> RawTable:
    """Read nodes and edges; those that a solver rejected are left out and counted.

    Raises
    ------
    TrackTableError
        It is damaged, has no frames or positions, or links that cannot be.
    """
    zarr = source.library("zarr", _WHAT)
    folder = _graph_in(Glimpse(source.file))
    if folder is None:
        raise source.damaged(_WHAT, "its metadata are gone")
    try:
        graph = _Graph(source, zarr.open_group(str(folder), mode="r"))
        return graph.table()
    # What zarr and its codecs raise for absent and damaged arrays.
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, TrackTableError):
            raise
        raise source.damaged(_WHAT, error) from error


@dataclass(frozen=True, slots=True)
class _Axis:
    """A property of nodes that is a coordinate, and its unit."""

    name: str
    unit: str


class _Graph:
    """A GEFF's group, its arrays read as they are asked for."""

    def __init__(self, source: TrackSource, group: Any) -> None:
        self._source = source
        self._group = group
        self._metadata: dict[str, Any] = dict(group.attrs["geff"])
        self._properties = frozenset(self._names("nodes"))
        self._n_entries: dict[str, int] = {}
        self._problems: list[Problem] = []

    def table(self) -> RawTable:
        """Return cells and links as tracks."""
        ids = _signed(self._whole("nodes/ids"))
        edges = _signed(self._whole("edges/ids")).reshape(-1, 2)
        self._n_entries = {"nodes": len(ids), "edges": len(edges)}
        time, places = self._axes()
        t, no_time = self._frames(time)
        values = {axis: self._numbers(places[axis].name) for axis in _AXES if axis in places}
        keep = np.ones(len(ids), bool)
        keep &= self._solution("nodes", len(ids), "cell")
        keep &= self._in_trackmate_track(len(ids))
        if (no_time & keep).any():
            n_missing = int((no_time & keep).sum())
            raise self._source.damaged(_WHAT, f"{counted(n_missing, 'node')} without a frame")
        self._require_all_slices(values, keep, ids)
        edges = edges[self._solution("edges", len(edges), "link")]
        if not keep.all():
            edges = edges[~np.isin(edges, ids[~keep]).any(axis=1)]
        cells = Cells(
            id=ids, t=t, y=values["y"], x=values["x"], z=values.get("z"),
            row=np.arange(len(ids), dtype=np.int64), track=self._tracklets(),
        )  # fmt: skip
        if self._metadata.get("directed") is False:
            edges = self._forward(edges, ids, t)
        return table_of_links(
            self._source,
            cells if keep.all() else cells.take(keep),
            (edges[:, 0], edges[:, 1]),
            problems=tuple(self._problems),
            lengths=self._lengths(places),
        )

    def _whole(self, path: str) -> NDArray[Any]:
        values: NDArray[Any] = self._source.whole(_WHAT, self._group[path])
        return values

    def _names(self, of: str) -> list[str]:
        group = self._group[of]
        return list(group["props"].group_keys()) if "props" in group else []

    def _values(self, of: str, name: str) -> tuple[NDArray[Any], BoolArray]:
        """Return a property, and where it is missing: there stands a filler."""
        group = self._group[f"{of}/props/{name}"]
        path, wanted = f"{of}/props/{name}", (self._n_entries[of],)
        values = self._whole(f"{path}/values")
        missing = np.zeros(wanted, bool)
        if "missing" in group:
            missing = self._whole(f"{path}/missing").astype(bool)
        for shape in (values.shape, missing.shape):
            if shape != wanted:
                raise ValueError(f"{of} are {wanted[0]}, and their {name} has the shape {shape}")
        return values, missing

    def _numbers(self, name: str) -> Float64Array:
        values, missing = self._values("nodes", name)
        return np.where(missing, np.nan, values.astype(float))

    def _axes(self) -> tuple[_Axis, dict[str, _Axis]]:
        """Return the axes of time and of space, by metadata, hints, or usual names."""
        told = self._metadata.get("axes") or []
        axes = [(self._axis(a["name"], a.get("unit")), a.get("type")) for a in told]
        times = self._one_time([axis for axis, kind in axes if kind == "time"])
        times = times or [self._axis(n) for n in _TIMES if n in self._properties]
        spaces = [axis for axis, kind in axes if kind == "space"]
        if not spaces:
            usual = [[name.format(axis, axis.upper()) for axis in _AXES] for name in _PLACES]
            own = next((names for names in usual if set(names[1:]) <= self._properties), [])
            spaces = [self._axis(name) for name in own if name in self._properties]
        hints = self._metadata.get("display_hints") or {}
        hinted = {
            hints.get(hint): axis
            for hint, axis in (
                ("display_depth", "z"), ("display_vertical", "y"), ("display_horizontal", "x"),
            )
        }  # fmt: skip
        by_name = {hinted.get(space.name, space.name[-1:].lower()): space for space in spaces}
        places = {axis: by_name[axis] for axis in _AXES if axis in by_name}
        if len(places) < len(spaces) or "x" not in places:
            places = dict(zip(_AXES[::-1], spaces[::-1], strict=False))
        if not times or not {"y", "x"} <= set(places):
            raise TrackTableError(
                self._source.problem(
                    "missing-column",
                    "This is a GEFF without axes of time, y and x; its nodes have "
                    f"{choices(sorted(self._properties), limit=40)}.",
                    "Write it again with its axes named.",
                )
            )
        return times[0], places

    def _one_time(self, times: list[_Axis]) -> list[_Axis]:
        """Of several axes of time the one that counts frames."""
        counting = [time for time in times if not _is_clock(time)]
        if len(times) < 2 or len(counting) == 1:
            return counting or times
        told = choices(f"{time.name} ({time.unit or 'no unit'})" for time in times)
        raise TrackTableError(
            self._source.problem(
                "unknown-frames",
                f"This is a GEFF with {len(times)} axes of time, {told}, and which of them counts "
                "frames is not said.",
                "Write it again with one axis of time, or with the unit frame for that one.",
            )
        )

    def _require_all_slices(
        self, values: dict[str, Float64Array], keep: BoolArray, ids: Int64Array
    ) -> None:
        """Refuse flat cells among cells in space: no slice is right for them."""
        if "z" not in values or not keep.any():
            return
        flat = keep & np.isnan(values["z"]) & np.isfinite(values["y"]) & np.isfinite(values["x"])
        if (flat == keep).all():
            del values["z"]
        elif flat.any():
            raise TrackTableError(
                self._source.problem(
                    "mixed-dimensions",
                    f"This is a GEFF in which {counted(int(flat.sum()), 'node')} of"
                    f" {int(keep.sum())} have no z; first: {ids[np.argmax(flat)]}.",
                    "Give them their slice, or leave the axis z out for all.",
                    count=int(flat.sum()),
                    row=int(np.argmax(flat)),
                )
            )

    def _axis(self, name: str, unit: str | None = None) -> _Axis:
        """Return a property as an axis, its unit as it or the axis has it."""
        own = (self._metadata.get("node_props_metadata") or {}).get(name) or {}
        return _Axis(name, str(unit or own.get("unit") or ""))

    def _frames(self, time: _Axis) -> tuple[Int64Array, BoolArray]:
        """Return the frame of each node, and where there is none."""
        is_clock = _is_clock(time)
        name = time.name
        if is_clock:
            name = next((known for known in _FRAME_PROPERTIES if known in self._properties), name)
        values, missing = self._values("nodes", name)
        numbers = values.astype(float)
        known = np.unique(numbers[~missing])
        whole = bool((np.isfinite(known) & (known == np.floor(known))).all())
        steps = np.diff(known)
        if not whole or (is_clock and name == time.name and len(steps) and steps.min() > 1):
            raise TrackTableError(
                self._source.problem(
                    "unknown-frames",
                    f"This is a GEFF whose times are {choices([f'{v:g}' for v in known])}"
                    f" {time.unit}, and its nodes have no frame.",
                    f"Write it again with a property {_FRAME_PROPERTIES[0]}, or with frames as its "
                    "axis of time.",
                )
            )
        return np.where(missing, 0, numbers).astype(np.int64), missing

    def _solution(self, of: str, n_entries: int, word: str) -> BoolArray:
        """Return what a solver took; all, where it was not asked."""
        if "solution" not in self._names(of):
            return np.ones(n_entries, bool)
        values, missing = self._values(of, "solution")
        taken = values.astype(bool) & ~missing
        n_rejected = int((~taken).sum())
        if n_rejected:
            self._problems.append(
                self._source.problem(
                    "rejected",
                    f"{counted(n_rejected, word)} that the solver rejected (solution=False):"
                    " left out.",
                    "",
                    "note",
                    count=n_rejected,
                )
            )
        return taken

    def _in_trackmate_track(self, n_nodes: int) -> BoolArray:
        """Return the nodes that TrackMate has in a track; all nodes of others."""
        keep = np.ones(n_nodes, bool)
        if not {"TRACK_ID", "FRAME", "POSITION_X"} <= self._properties:
            return keep
        keep &= ~self._values("nodes", "TRACK_ID")[1]
        if "VISIBILITY" in self._properties:
            values, missing = self._values("nodes", "VISIBILITY")
            keep &= (values != 0) | missing
        if not keep.all():
            self._problems.append(spots_left_out(self._source, int((~keep).sum())))
        return keep

    def _tracklets(self) -> Int64Array | None:
        """Return the tool's numbers of unbranched tracks."""
        told = (self._metadata.get("track_node_props") or {}).get("tracklet")
        names = (told, *_TRACKLETS) if told else _TRACKLETS
        name = next((name for name in names if name in self._properties), None)
        if name is None:
            return None
        values, missing = self._values("nodes", name)
        is_whole = values.ndim == 1 and values.dtype.kind in "iu"
        return _signed(values) if is_whole and not missing.any() else None

    def _forward(self, edges: Int64Array, ids: Int64Array, t: Int64Array) -> Int64Array:
        """Turn the edges of an undirected graph the way of time."""
        order = np.argsort(ids, kind="stable")
        place = np.minimum(np.searchsorted(ids, edges, sorter=order), max(len(ids) - 1, 0))
        frames = t[order[place]]
        turned = np.where((frames[:, 0] > frames[:, 1])[:, None], edges[:, ::-1], edges)
        return np.ascontiguousarray(turned)

    def _lengths(self, places: dict[str, _Axis]) -> Lengths | None:
        """Return the unit of positions, where it is a length."""
        found = {axis: lengths_of(place.unit) for axis, place in places.items()}
        first = next((known for known in found.values() if known is not None), None)
        if first is None:
            return None
        z, y, x = (
            first.um[0] if (known := found.get(axis)) is None else known.um[0] for axis in _AXES
        )
        return Lengths((z, y, x), first.unit)


def _is_clock(time: _Axis) -> bool:
    return time.unit.lower() not in {"", "frame", "frames", "pixel", "none"}


def _signed(values: NDArray[Any]) -> Int64Array:
    """Return ids as int64; GEFF writes them without a sign."""
    if values.dtype.kind not in "iu":
        raise ValueError(f"ids are whole numbers, and these are {values.dtype}")
    if values.dtype.kind == "u" and len(values) and values.max() > np.iinfo(np.int64).max:
        raise ValueError(f"the id {values.max()} is larger than 63 bits hold")
    return values.astype(np.int64, copy=False)


def _is_graph(glimpse: Glimpse) -> bool:
    return "geff" in (glimpse.attributes or {})


def _graph_in(glimpse: Glimpse) -> Path | None:
    """Return the GEFF of a folder: itself, or the one that is directly in its zarr group."""
    if _is_graph(glimpse):
        return glimpse.path
    if glimpse.attributes is None:
        return None
    inner = [entry for entry in glimpse.entries if _is_graph(Glimpse(entry))]
    return inner[0] if len(inner) == 1 else None


def recognises(glimpse: Glimpse) -> bool:
    """Say whether a folder is a GEFF, or a zarr group with one in it."""
    return glimpse.is_folder and _graph_in(glimpse) is not None


def files(path: Path) -> tuple[Path, ...]:
    """Return all files of the graph."""
    folder = _graph_in(Glimpse(path))
    return tuple(sorted(file for file in (folder or path).rglob("*") if file.is_file()))


def words(glimpse: Glimpse) -> str:
    """Say which version it is of."""
    folder = _graph_in(glimpse)
    attributes = None if folder is None else Glimpse(folder).attributes
    version = ((attributes or {}).get("geff") or {}).get("geff_version", "")
    return f"{_WHAT} of version {version}" if version else _WHAT


FORMAT = TrackFormat("geff", (), read, recognises, files, words)
