"""ND2 files of version 3 as the library nd2 reads them; no microscope wrote them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

_HEADER = struct.Struct("<IIQ")
_MAGIC, _PAGE = 0x0ABECEDA, 4096
PERIOD_MS = 600_000.0


def write_nd2(file: Path, pixels: np.ndarray, *, probes: bool = True, **claims: int) -> None:
    """Write uint16 (T, C, Y, X); `claims` are attributes that say something else.

    Without `probes`, nothing is told of the channels' fluorescence.
    """
    n_frames, n_channels, height, width = pixels.shape
    attributes = {
        "uiWidth": width, "uiHeight": height, "uiSequenceCount": n_frames, "uiComp": n_channels,
        "uiBpcInMemory": 16, "uiBpcSignificant": 16, "eCompression": 2, **claims,
    }  # fmt: skip
    attributes["uiWidthBytes"] = attributes["uiWidth"] * n_channels * 2
    probe = {"pFluorescentProbe": {"uiColor": 1}} if probes else {}
    planes = {
        f"a{number}": {"uiCompCount": 1, "sDescription": name, **probe}
        for number, name in enumerate(("Phase", "GFP")[:n_channels])
    }
    about = {
        "bCalibrated": True,
        "dCalibration": 0.325,
        "sPicturePlanes": {"uiCount": n_channels, "sPlaneNew": planes},
    }
    times = dict.fromkeys(("dMinPeriodDiff", "dMaxPeriodDiff", "dAvgPeriodDiff", "dDuration"), 0.0)
    loop = {"uiCount": attributes["uiSequenceCount"], "dStart": 0.0, "dPeriod": PERIOD_MS, **times}
    chunks = {
        b"ImageAttributesLV!": _item("SLxImageAttributes", attributes),
        b"ImageMetadataSeqLV|0!": _item("SLxPictureMetadata", about),
        b"ImageMetadataLV!": _item("SLxExperiment", {"eType": 1, "uLoopPars": loop}),
    }
    for number, frame in enumerate(pixels):
        data = struct.pack("<d", number * PERIOD_MS) + frame.transpose(1, 2, 0).tobytes()
        chunks[b"ImageDataSeq|%d!" % number] = data
    content = bytearray(_HEADER.pack(_MAGIC, 32, 64))
    content += b"ND2 FILE SIGNATURE CHUNK NAME01!" + b"Ver3.0".ljust(64, b"\0")
    listed = bytearray()
    for name, data in chunks.items():
        content += bytes(-len(content) % _PAGE)
        listed += name + struct.pack("<QQ", len(content), len(data))
        room = _PAGE - _HEADER.size - 8 if name.startswith(b"ImageDataSeq") else len(name)
        content += _HEADER.pack(_MAGIC, room, len(data)) + name.ljust(room, b"\0") + data
    content += bytes(-len(content) % _PAGE)
    listed += b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(content))
    content += _HEADER.pack(_MAGIC, 32, len(listed)) + b"ND2 FILEMAP SIGNATURE NAME 0001!"
    file.write_bytes(content + listed)


def _item(name: str, value: Any) -> bytes:
    """A value with its name; of a mapping its items, and where each begins."""
    kind = {bool: 1, int: 3, float: 6, str: 8, dict: 11}[type(value)]
    head = bytes([kind, len(name) + 1]) + f"{name}\0".encode("utf-16-le")
    if isinstance(value, str):
        return head + f"{value}\0".encode("utf-16-le")
    if not isinstance(value, dict):
        return head + struct.pack({1: "<?", 3: "<I", 6: "<d"}[kind], value)
    items = [_item(*entry) for entry in value.items()]
    start = len(head) + 12
    begins = np.cumsum([start, *map(len, items)])
    whole = struct.pack("<IQ", len(items), int(begins[-1]))
    return head + whole + b"".join(items) + begins[:-1].astype("<u8").tobytes()
