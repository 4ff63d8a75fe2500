"""Scanning images FOV by FOV: what is read, what trouble becomes, stopping, going on."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stores
from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.qc.find import Evidence, Finding
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, PixelCheck, ScannedFov, load_checks
from lineage_triplets.qc.find.pixels import frame_reading
from lineage_triplets.qc.find.pixels.frame_scan import (
    READING,
    READING_KINDS,
    data_key,
    scan_fov,
    scanned_fov,
)
from lineage_triplets.qc.find.pixels.index_scan import recall_index, scan_index
from lineage_triplets.qc.record.decision import Target

FRAMES, FOVS = 9, ("A/1/0", "A/1/1", "B/2/0")
SHAPE = (FRAMES, 3, 2, 24, 40)
CHANNELS = ("Phase", "GFP", "RFP")
SLOTS = ("RFP", "Phase")
MakeIndex = Callable[..., MultiExperimentIndex]


@dataclass
class Seen:
    """A check that remembers what it was shown, and finds one thing a frame."""

    name: str = "seen"
    version: int = 1
    images: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)
    on_see: Callable[[str, int], None] | None = None

    @property
    def check(self) -> PixelCheck:
        return PixelCheck(self.name, (self.name,), self.version, lambda fov: _SeenScan(self, fov))


class _SeenScan:
    def __init__(self, seen: Seen, fov: ScannedFov) -> None:
        self.seen, self.fov = seen, fov.source.fov.name
        self.frames: list[int] = []

    def see(self, t: int, image: np.ndarray) -> None:
        self.seen.images[self.fov, t] = image.copy()
        if self.seen.on_see is not None:
            self.seen.on_see(self.fov, t)
        self.frames.append(t)

    def findings(self) -> list[Finding]:
        return [
            Finding(
                self.seen.name,
                "note",
                f"Frame {t}.",
                fov=self.fov,
                t=t,
                evidence=(Evidence("frame", float(t)),),
            )
            for t in self.frames
        ]


class Kept:
    """Keeps results in memory, as a decision log does in a file."""

    def __init__(self) -> None:
        self.results: dict[tuple, list[dict[str, Any]]] = {}

    def kept_result(self, *key: object) -> list[dict[str, Any]] | None:
        return self.results.get(key)

    def keep_result(self, *key_and_results: Any) -> None:
        *key, results = key_and_results
        self.results[tuple(key)] = results


def pixels_of(number: int, dtype: str = "uint16") -> np.ndarray:
    return stores.numbered_pixels(SHAPE, dtype, seed=number)


@pytest.fixture
def make_index(tmp_path) -> MakeIndex:
    load_checks()

    def make(
        *,
        settings: dict[str, Any] | None = None,
        pixels: dict[str, np.ndarray] | None = None,
        source_channel: tuple[str, ...] = SLOTS,
        y: float = 20.0,
        frames: range = range(FRAMES),
        **image: Any,
    ) -> MultiExperimentIndex:
        table = stores.track_table((1, frames), (2, frames), y=y)
        if pixels is None:
            pixels = {fov: pixels_of(number) for number, fov in enumerate(FOVS)}
        shutil.rmtree(tmp_path / "one.zarr", ignore_errors=True)
        config = stores.make_experiment(
            tmp_path,
            "one",
            dict.fromkeys(pixels, table),
            pixels=pixels,
            channels=CHANNELS,
            source_channel=source_channel,
            **image,
        )
        index = MultiExperimentIndex(ExperimentRegistry([config]), 2, (16, 16))
        if settings:
            index.settings = index.settings.model_copy(update=settings)
        return index

    return make


def array_of(index: MultiExperimentIndex, number: int = 0) -> Path:
    return Path(index.fovs[number].fov.array_path)


def kinds(findings: object) -> list[str]:
    return [one.kind for one in findings]


@pytest.mark.parametrize(
    "image",
    [
        {},
        {"version": "0.5", "chunks": (1, 1, 1, 16, 16)},
        {"version": "0.5", "chunks": (1, 1, 1, 8, 8), "shards": (1, 3, 2, 24, 40)},
        {"chunks": (4, 3, 2, 24, 40)},
    ],
)
def test_each_frame_is_shown_once_whole_and_in_slot_order(make_index, image):
    index, seen = make_index(**image), Seen()
    shown: list[tuple[str, int]] = []
    seen.on_see = lambda fov, t: shown.append((fov, t))
    results = list(scan_index(index, [seen.check]))
    assert shown == [(fov, t) for fov in FOVS for t in range(FRAMES)]
    for number, fov in enumerate(FOVS):
        for t in range(FRAMES):
            np.testing.assert_array_equal(
                seen.images[fov, t], pixels_of(number)[t, [2, 0]], strict=True
            )
    assert [(one.number, one.experiment, one.fov, one.n_frames) for one in results] == [
        (number, "one", fov, FRAMES) for number, fov in enumerate(FOVS)
    ]


def test_frames_too_large_to_read_ahead_are_read_one_by_one(make_index, monkeypatch):
    index, seen = make_index(), Seen()
    monkeypatch.setattr(frame_reading, "_BYTES_AHEAD", 0)
    threads: list[str] = []

    def note(fov: str, t: int) -> None:
        threads.extend(one.name for one in threading.enumerate())

    seen.on_see = note
    list(scan_index(index, [seen.check], fovs=[0]))
    np.testing.assert_array_equal(seen.images["A/1/0", 8], pixels_of(0)[8, [2, 0]])
    assert not [name for name in threads if name.startswith("frames")]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_pixels_keep_their_dtype(make_index, dtype):
    pixels = pixels_of(0, dtype)
    seen = Seen()
    list(scan_index(make_index(pixels={"A/1/0": pixels}), [seen.check]))
    np.testing.assert_array_equal(seen.images["A/1/0", 3], pixels[3, [2, 0]], strict=True)


def test_checks_know_the_cells_of_their_fov_by_frame(make_index):
    index = make_index()
    scanned = scanned_fov(index, 1)
    assert scanned.source.fov.name == "A/1/1"
    assert scanned.slot_labels == SLOTS
    assert scanned.t.tolist() == sorted([*range(FRAMES), *range(FRAMES)])
    assert scanned.track_id.tolist() == [1, 2] * FRAMES
    assert scanned.interval_minutes == 30.0


def test_fovs_come_in_the_order_wanted_with_progress(make_index):
    told: list[tuple[int, int]] = []
    results = scan_index(
        make_index(), [Seen().check], fovs=[2, 0], progress=lambda *one: told.append(one)
    )
    assert [one.fov for one in results] == ["B/2/0", "A/1/0"]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (2 * FRAMES, 2 * FRAMES)
    assert {total for _, total in told} == {2 * FRAMES}


def test_absent_chunks_are_counted_and_read_as_the_fill_value(make_index):
    index, seen = make_index(chunks=(1, 1, 1, 16, 16)), Seen()
    for t, c in ((2, 2), (2, 1), (5, 0)):
        shutil.rmtree(array_of(index) / str(t) / str(c) / "1")
    (absent,) = (
        one
        for result in scan_index(index, [seen.check])
        for one in result.findings
        if one.kind in READING_KINDS
    )
    # Channel 1 is in no slot; a plane has 2 x 3 chunks.
    assert (absent.kind, absent.severity, absent.fov) == ("missing-chunks", "warning", "A/1/0")
    assert absent.evidence[0].value == 12
    assert absent.sentence.startswith("2 frames between 2 and 5: 12 chunks")
    assert absent.settled_by[0] == tuple(Target("frame", "one", "A/1/0", t=t) for t in (2, 5))
    expected = pixels_of(0)[2, [2, 0]]
    expected[0, 1] = 0
    np.testing.assert_array_equal(seen.images["A/1/0", 2], expected)


def test_an_absent_chunk_of_many_frames_is_counted_once(make_index):
    index = make_index(chunks=(3, 3, 2, 24, 40))
    shutil.rmtree(array_of(index) / "1")
    results = list(scan_index(index, [Seen().check], fovs=[0]))
    (absent,) = (one for one in results[0].findings if one.kind == "missing-chunks")
    assert absent.evidence[0].value == 1
    assert [one.t for one in absent.settled_by[0]] == [3, 4, 5]


@pytest.mark.parametrize(
    ("missing_chunks", "severity"), [("warn", "warning"), ("error", "error"), ("fill", "note")]
)
def test_absent_chunks_weigh_as_training_takes_them(make_index, missing_chunks, severity):
    index = make_index(settings={"missing_chunks": missing_chunks})
    shutil.rmtree(array_of(index) / "2")
    result = next(iter(scan_index(index, [])))
    assert [(one.kind, one.severity) for one in result.findings] == [("missing-chunks", severity)]


@pytest.mark.parametrize("image", [{}, {"version": "0.5"}])
def test_a_damaged_chunk_is_an_error_and_the_scan_goes_on(make_index, image):
    index, seen, kept = make_index(**image), Seen(), Kept()
    chunk = array_of(index).joinpath(*(["c"] if image else []), "4", "0", "1", "0", "0")
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[: len(whole) // 2])
    first = next(iter(scan_index(index, [seen.check], kept=kept)))
    (damage,) = (one for one in first.findings if one.kind in READING_KINDS)
    assert (damage.kind, damage.severity, damage.t) == ("unreadable-frame", "error", 4)
    assert "4/0/1/0/0" in damage.sentence
    assert damage.settled_by[0] == (Target("frame", "one", "A/1/0", t=4),)
    assert first.n_frames == FRAMES - 1
    assert [t for _, t in seen.images] == [t for t in range(FRAMES) if t != 4]
    # Once the file is restored, another scan finds it sound.
    chunk.write_bytes(whole)
    assert kept.results == {}
    again = next(iter(scan_index(index, [seen.check], kept=kept)))
    assert set(kinds(again.findings)) == {"seen"}
    assert again.n_frames == FRAMES


def test_damage_where_no_cell_is_tracked_is_a_note(make_index):
    index = make_index(frames=range(4))
    (array_of(index) / "6" / "0" / "1" / "0" / "0").write_bytes(b"no chunk")
    result = next(iter(scan_index(index, [])))
    assert [(one.kind, one.severity) for one in result.findings] == [("unreadable-frame", "note")]


def test_a_store_that_is_gone_is_one_finding(make_index):
    index = make_index()
    shutil.rmtree(array_of(index, 1))
    results = list(scan_index(index, list(PIXEL_CHECKS.values())))
    assert [kinds(one.findings) for one in results] == [[], ["unreadable-store"], []]
    (gone,) = results[1].findings
    assert (gone.severity, results[1].n_frames) == ("error", 0)
    assert gone.settled_by == ((Target("fov", "one", "A/1/1"),),)


def test_a_store_that_vanishes_in_the_middle_is_one_finding_and_not_blank_frames(make_index):
    index, kept = make_index(), Kept()
    checks = list(PIXEL_CHECKS.values())
    shutil.rmtree(array_of(index) / "0" / "0")

    def vanish(done: int, total: int) -> None:
        if done == 2:
            shutil.rmtree(array_of(index))

    results = list(scan_index(index, checks, kept=kept, progress=vanish))
    assert [kinds(one.findings) for one in results] == [["unreadable-store"], [], []]
    assert {fov for _, fov, *_ in kept.results} == {"A/1/1", "B/2/0"}


def test_a_store_of_another_shape_is_told(make_index):
    index = make_index()
    make_index(pixels={fov: pixels_of(0)[:5] for fov in FOVS})
    results = list(scan_index(index, []))
    assert [kinds(one.findings) for one in results] == [["unreadable-store"]] * 3
    assert "(5, 3, 2, 24, 40)" in results[0].findings[0].sentence


def test_a_scan_that_was_stopped_goes_on_to_the_same_findings(make_index):
    pixels = {fov: pixels_of(number) for number, fov in enumerate(FOVS)}
    pixels["A/1/0"][3] = 0
    pixels["A/1/1"][5] = pixels["A/1/1"][4]
    pixels["B/2/0"][7, 2] = 65535
    index = make_index(pixels=pixels)
    checks = list(PIXEL_CHECKS.values())
    at_once = list(scan_index(index, checks))
    assert [kinds(one.findings) for one in at_once] == [
        ["blank-frame"],
        ["repeated-frame"],
        ["blank-frame"],
    ]
    kept, frames = Kept(), 0

    def count(done: int, total: int) -> None:
        nonlocal frames
        frames = done

    some = list(
        scan_index(index, checks, kept=kept, progress=count, stop=lambda: frames >= FRAMES + 4)
    )
    assert [one.fov for one in some] == ["A/1/0"]
    rest = list(scan_index(index, checks, kept=kept))
    assert [one.findings for one in rest] == [one.findings for one in at_once]
    assert [one.n_frames for one in rest] == [0, FRAMES, FRAMES]


def test_a_scan_stops_before_the_next_frame(make_index):
    index, seen = make_index(), Seen()
    result = scan_fov(scanned_fov(index, 0), [seen.check], stop=lambda: len(seen.images) == 3)
    assert result is None
    assert len(seen.images) == 3


def test_what_is_kept_is_not_read_again_unless_asked(make_index):
    index, kept, seen = make_index(), Kept(), Seen()
    before = list(scan_index(index, [seen.check], kept=kept))
    seen.images.clear()
    for number in range(3):
        shutil.rmtree(array_of(index, number) / "0")
    again = list(scan_index(index, [seen.check], kept=kept))
    assert (seen.images, [one.findings for one in again]) == (
        {},
        [one.findings for one in before],
    )
    recalled = list(recall_index(index, [seen.check], kept))
    assert [one.findings for one in recalled] == [one.findings for one in before]
    assert list(recall_index(index, [Seen("other").check], kept)) == []
    anew = list(scan_index(index, [seen.check], kept=kept, anew=True))
    assert len(seen.images) == 3 * FRAMES
    assert "missing-chunks" in kinds(anew[0].findings)


def test_a_new_version_of_one_check_runs_that_one_alone(make_index):
    index, kept = make_index(), Kept()
    old, other = Seen("old"), Seen("other")
    list(scan_index(index, [old.check, other.check], kept=kept))
    old.images.clear()
    other.images.clear()
    newer = replace(other, version=2)
    results = list(scan_index(index, [old.check, newer.check], kept=kept))
    assert (len(old.images), len(newer.images)) == (0, 3 * FRAMES)
    assert kinds(results[0].findings) == ["old"] * FRAMES + ["other"] * FRAMES


def test_the_data_key_changes_with_what_findings_follow_from(make_index):
    keys = [
        data_key(scanned_fov(index, 0), index.settings.missing_chunks)
        for index in (
            make_index(),
            make_index(y=21.0),
            make_index(source_channel=("Phase", "RFP")),
            make_index(chunks=(1, 3, 2, 24, 40)),
            make_index(pixels={fov: pixels_of(0, "int16") for fov in FOVS}),
            make_index(settings={"missing_chunks": "fill"}),
            make_index(frames=range(FRAMES - 1)),
        )
    ]
    assert len(set(keys)) == len(keys)
    scanned = scanned_fov(make_index(), 0)
    assert data_key(scanned) == keys[0]
    remapped = replace(scanned, source=replace(scanned.source, channels=(1, 0)))
    assert data_key(remapped) != keys[0]


def test_results_of_reading_are_kept_too(make_index):
    index, kept = make_index(), Kept()
    shutil.rmtree(array_of(index) / "2")
    before = next(iter(scan_index(index, [], kept=kept)))
    assert {check for _, _, check, *_ in kept.results} == {READING}
    again = next(iter(scan_index(index, [], kept=kept)))
    assert (again.n_frames, again.findings) == (0, before.findings)
