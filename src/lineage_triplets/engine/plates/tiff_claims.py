"""What the metadata of a TIFF claim of its size, read before tifffile makes lists by them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import Problem, shown
from lineage_triplets.engine.plates.limits import claim_fault

if TYPE_CHECKING:
    from collections.abc import Sequence


def claims_fault(tif: Any, path: str) -> Problem | None:
    """Say which size in the metadata of an open TIFF is beyond reason, or no number, if one is.

    Parameters
    ----------
    tif : tifffile.TiffFile
        Of which nothing but pages and descriptions is asked.
    path : str
    """
    for shape in _claims(tif):
        try:
            sizes = [int(size) for size in shape]
        except (ValueError, TypeError):
            return Problem(
                "unreadable-image",
                f"its metadata say the size {shown(list(shape))}, where whole numbers belong.",
                "Write it again with the tool that made it.",
                file=path,
            )
        problem = claim_fault(sizes, 1, path) if len(sizes) > 1 else None
        if problem is not None:
            return problem
    return None


def _claims(tif: Any) -> list[Sequence[Any]]:
    first = tif.pages[0]
    if tif.is_ome:
        named = [ome_pixels(tif, number) for number in range(len(ome_images(tif)))]
        return [
            [pixels.get(f"Size{axis}", "1") for axis in "TCZYX"]
            for pixels in named
            if pixels is not None
        ]
    if tif.is_imagej:
        return [[(tif.imagej_metadata or {}).get("images", 1), *first.shape]]
    return [shape_said(first)] if first.is_shaped else []


def shape_said(page: Any) -> Sequence[Any]:
    """What tifffile itself wrote about the shape; empty where it cannot be read."""
    try:
        shape = json.loads(page.description).get("shape", ())
    except (ValueError, AttributeError, RecursionError):
        return ()
    return shape if isinstance(shape, list) else ()


def ome_images(tif: Any) -> list[ET.Element]:
    """The images in the XML of an OME-TIFF."""
    root = parse_xml(tif.ome_metadata)
    return [] if root is None else [child for child in root if local_name(child) == "Image"]


def ome_pixels(tif: Any, number: int) -> ET.Element | None:
    """What the XML says of the pixels of an image; None where it says nothing."""
    images = ome_images(tif)
    if number >= len(images):
        return None
    return next((child for child in images[number] if local_name(child) == "Pixels"), None)


def parse_xml(text: str | None) -> ET.Element | None:
    """Parse XML without a document type, by which a small text could become a huge one."""
    if not text or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return ET.fromstring(text)
    except ET.ParseError:
        return None


def local_name(element: ET.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]
