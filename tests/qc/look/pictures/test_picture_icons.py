from __future__ import annotations

import pytest
from picture_examples import crop, pair, texts

from lineage_triplets.qc.look.pictures import (
    HAIRLINE,
    RELATION_COLOURS,
    RuleItem,
    contact_sheet,
    lay_out,
    relation_icon,
    relation_kind,
)


@pytest.mark.parametrize(
    ("relation", "kind"),
    [
        ("same track", "same cell"),
        ("continuation", "same cell"),
        ("daughter", "across a division"),
        ("granddaughter", "across a division"),
        ("descendant (3 divisions)", "across a division"),
        ("sister", "collateral"),
        ("Cousin", "collateral"),
        ("daughter of a sister", "collateral"),
        ("same lineage", "other relation"),
    ],
)
def test_relation_has_its_colour_and_its_place_in_the_legend(relation, kind):
    assert relation_kind(relation) == kind
    layout = lay_out([pair(relation=relation)], slot_labels=["a"])
    assert f"{kind} (1)" in texts(layout)
    rules = [i for i in layout.items if isinstance(i, RuleItem) and i.colour != HAIRLINE]
    assert [rule.colour for rule in rules] == [RELATION_COLOURS[kind]]
    sheet = contact_sheet([pair(relation=relation)], slot_labels=["a"])
    assert (crop(sheet, rules[0].box) == RELATION_COLOURS[kind]).all()


def test_relations_are_told_apart_without_colour():
    shapes = {(relation_icon(kind, 13) < 200).all(-1).tobytes() for kind in RELATION_COLOURS}
    assert len(shapes) == len(RELATION_COLOURS)
    assert len(set(RELATION_COLOURS.values())) == len(RELATION_COLOURS)
