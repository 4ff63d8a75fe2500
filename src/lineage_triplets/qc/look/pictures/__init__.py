"""Contact sheets: anchor/positive pairs of patches in one picture, for a person to judge.

Arrays and captions in, an image out. `lay_out` places everything in boxes that do not overlap,
and `contact_sheet` draws them.
"""

from __future__ import annotations

from lineage_triplets.qc.look.pictures.grey import (
    HATCH,
    RELATION_COLOURS,
    relation_icon,
    relation_kind,
)
from lineage_triplets.qc.look.pictures.layout import contact_sheet, lay_out
from lineage_triplets.qc.look.pictures.page import (
    HAIRLINE,
    INK,
    WHITE,
    Box,
    ImageItem,
    PatchItem,
    RuleItem,
    SheetLayout,
    TextItem,
    printable,
    shortened,
)
from lineage_triplets.qc.look.pictures.sections import PairPicture

__all__ = [
    "HAIRLINE",
    "HATCH",
    "INK",
    "RELATION_COLOURS",
    "WHITE",
    "Box",
    "ImageItem",
    "PairPicture",
    "PatchItem",
    "RuleItem",
    "SheetLayout",
    "TextItem",
    "contact_sheet",
    "lay_out",
    "printable",
    "relation_icon",
    "relation_kind",
    "shortened",
]
