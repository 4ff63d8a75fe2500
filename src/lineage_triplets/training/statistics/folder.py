"""The folder of statistics as it is written: FOV by FOV, by one program at a time."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import OutputError, Problem
from lineage_triplets.engine.files import read_whole, whole_file
from lineage_triplets.engine.plates.statistics import FORMAT, StatisticsFolder, image_key
from lineage_triplets.training.statistics.counts import Tally, has_own_bins
from lineage_triplets.training.statistics.focus import focus_statistics
from lineage_triplets.training.statistics.frames import Counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lineage_triplets.engine.index.fovs import FovSource

_VERSION = 1
_LOCK = ".writing"
_MOMENTS = ("n_left_out", "minimum", "maximum", "mean", "squares")


class StatisticsInUseError(OutputError):
    """Another program writes into the folder."""


@contextlib.contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Keep other programs from writing into a folder of statistics, which is made if absent.

    Raises
    ------
    StatisticsInUseError
        Another one does; what a program on this machine has left behind is taken over.
    OutputError
        The folder cannot be written.
    """
    lock = folder / _LOCK
    mine = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if lock.exists() and _is_left_behind(_holder(lock)):
            lock.unlink(missing_ok=True)
        with lock.open("x", encoding="utf-8") as file:
            json.dump(mine, file)
    except FileExistsError:
        raise StatisticsInUseError(_in_use(lock)) from None
    except OSError as error:
        raise OutputError(
            Problem(
                "output-failed",
                f"the folder of statistics cannot be written: {error.strerror}.",
                "Name another one (--out), or ask for access.",
                file=str(folder),
            )
        ) from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _holder(lock: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_whole(lock))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_left_behind(holder: Mapping[str, Any]) -> bool:
    """Whether the program ran on this machine and is gone."""
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int) or pid <= 0:
        return False
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _in_use(lock: Path) -> Problem:
    holder = _holder(lock)
    who = (
        f"process {holder['pid']} on {holder['host']} writes there since {holder['since']}"
        if {"pid", "host", "since"} <= holder.keys()
        else "another program writes there"
    )
    return Problem(
        "statistics-in-use",
        f"{who}.",
        f"Wait for it, or name another folder (--out). If it is gone, delete {lock}.",
        file=str(lock.parent),
    )


class WrittenStatistics:
    """Finished FOVs, and how they are put on disk and found again.

    Parameters
    ----------
    folder : StatisticsFolder
    """

    def __init__(self, folder: StatisticsFolder) -> None:
        self._folder = folder

    def known(self, source: FovSource, channels: Mapping[int, str]) -> tuple[Counted | None, str]:
        """Find a FOV that was finished before, and say why it is read again, if so.

        Returns
        -------
        counted : Counted or None
            Without the statistics of frames.
        reason : str
            Empty where it was never finished.
        """
        file = self._folder.fov_file(source.experiment, source.fov.name)
        try:
            content = self._folder.read(file)
        except OSError:
            return None, "its file cannot be read"
        if content is None:
            return None, ""
        if content["image"] != image_key(source.fov) or content.get("version") != _VERSION:
            return None, "the image is another one"
        if not set(channels.values()) <= content["normalization"].keys():
            return None, "other channels are in the slots"
        try:
            tallies = _read_tallies(_counts_file(file), source.fov.dtype, channels)
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            return None, "its counts cannot be read"
        focus = {
            channel: {
                int(t): slice_number
                for t, slice_number in content["focus_slice"][name]["per_timepoint"].items()
            }
            for channel, name in channels.items()
            if name in content["focus_slice"]
        }
        absent = set(content["absent_frames"])
        return Counted(tallies=tallies, focus=focus, absent=absent), ""

    def put(self, source: FovSource, channels: Mapping[int, str], counted: Counted) -> None:
        """Write one FOV: its statistics and those of its frames, and the counts behind them.

        Raises
        ------
        OutputError
            It cannot be written; what was there is there still.
        """
        file = self._folder.fov_file(source.experiment, source.fov.name)
        normalization = {}
        for channel, name in channels.items():
            frames = counted.frames.get(channel, {})
            levels: dict[str, Any] = {}
            whole = counted.tallies[channel].statistics()
            if whole is not None:
                levels["fov_statistics"] = whole
                levels["timepoint_statistics"] = {str(t): frames[t] for t in sorted(frames)}
            normalization[name] = levels
        content = {
            "format": FORMAT,
            "version": _VERSION,
            "experiment": source.experiment,
            "fov": source.fov.name,
            "image": image_key(source.fov),
            "shape": source.fov.shape,
            "dtype": source.fov.dtype,
            "percentiles": _percentiles_words(source.fov.dtype),
            "n_left_out": {
                name: counted.tallies[channel].n_left_out for channel, name in channels.items()
            },
            "absent_frames": sorted(counted.absent),
            "normalization": normalization,
            "focus_slice": {
                name: focus_statistics(counted.focus[channel])
                for channel, name in channels.items()
                if counted.focus.get(channel)
            },
        }
        _make_folder(file.parent)
        # The statistics come last: where they are, the counts are too.
        with (
            whole_file(_counts_file(file), overwrite=True) as temporary,
            temporary.open("wb") as stream,
        ):
            np.savez_compressed(stream, **_arrays(channels, counted.tallies))
        _write_json(file, content)

    def put_plate(
        self,
        experiment: str,
        fovs: Sequence[str],
        tallies: Mapping[str, Tally],
        focus: Mapping[str, Sequence[int]],
    ) -> None:
        """Write what some FOVs of an experiment have together, by channel.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        file = self._folder.plate_file(experiment)
        statistics = {name: tally.statistics() for name, tally in tallies.items()}
        _make_folder(file.parent)
        _write_json(
            file,
            {
                "format": FORMAT,
                "version": _VERSION,
                "experiment": experiment,
                "fovs": list(fovs),
                "normalization": {
                    name: {"dataset_statistics": found}
                    for name, found in statistics.items()
                    if found is not None
                },
                "focus_slice": {
                    name: {
                        "dataset_statistics": {
                            "z_focus_mean": float(np.mean(slices)),
                            "z_focus_std": float(np.std(slices)),
                            "z_focus_min": int(min(slices)),
                            "z_focus_max": int(max(slices)),
                        }
                    }
                    for name, slices in focus.items()
                    if slices
                },
            },
        )

    def forget_plate(self, experiment: str) -> None:
        """Take away what FOVs have together, since one of them changes."""
        self._folder.plate_file(experiment).unlink(missing_ok=True)


def _counts_file(file: Path) -> Path:
    return file.with_suffix(".counts.npz")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            Problem(
                "output-failed", f"no folder can be made there: {error.strerror}.", file=str(folder)
            )
        ) from None


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    with whole_file(file, overwrite=True) as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _percentiles_words(dtype: str) -> str:
    if has_own_bins(dtype):
        return "exact"
    return "at most 0.025 % off; exact of frames that are read at once"


def _arrays(channels: Mapping[int, str], tallies: Mapping[int, Tally]) -> dict[str, Any]:
    arrays: dict[str, Any] = {"channels": np.array(list(channels.values()))}
    for number, channel in enumerate(channels):
        tally = tallies[channel]
        bins = np.flatnonzero(tally.counts)
        arrays[f"bins_{number}"] = (bins + tally.first_bin).astype(np.int32)
        arrays[f"counts_{number}"] = tally.counts[bins]
        arrays[f"moments_{number}"] = np.array([getattr(tally, name) for name in _MOMENTS])
    return arrays


def _read_tallies(file: Path, dtype: str, channels: Mapping[int, str]) -> dict[int, Tally]:
    tallies = {}
    with np.load(file, allow_pickle=False) as arrays:
        written = arrays["channels"].tolist()
        for channel, name in channels.items():
            number = written.index(name)
            bins = arrays[f"bins_{number}"]
            first_bin, last = (int(bins[0]), int(bins[-1])) if len(bins) else (0, -1)
            counts = np.zeros(last + 1 - first_bin, np.int64)
            counts[bins - first_bin] = arrays[f"counts_{number}"]
            n_left_out, *moments = arrays[f"moments_{number}"].tolist()
            tallies[channel] = Tally(dtype, first_bin, counts, int(n_left_out), *moments)
    return tallies
