from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from lineage_triplets.qc.look.pictures import printable, shortened


@settings(max_examples=60)
@given(st.text(max_size=300), st.integers(0, 400), st.integers(8, 30))
def test_shortened_text_fits_and_keeps_both_ends(text, width, size):
    short = shortened(text, width, size)
    font = ImageFont.load_default(size=size)
    assert font.getlength(short) <= width
    if short and short != printable(text):
        head, tail = short.split("…")[0], short.split("…")[-1]
        assert printable(text).startswith(head)
        assert printable(text).endswith(tail)
        assert len(head) - len(tail) in (0, 1) or "…" in text


def test_text_that_fits_is_kept_whole():
    assert shortened("FUCCI-magenta", 500, 13) == "FUCCI-magenta"
    assert shortened("experiment_0123456789_well", 120, 13).count("…") == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich 5 µm", "Zurich 5 um"),
        ("GFP → Δ", "GFP -> D"),
        ("a\u2013b ± 2 ·", "a-b ± 2 ·"),
        ("日", "\\u65e5"),
        ("two\nlines\x00", "two lines\\x00"),
    ],
)
def test_text_is_spelled_with_the_glyphs_of_the_font(text, shown):
    assert printable(text) == shown


def test_every_glyph_used_is_in_the_font():
    font = ImageFont.load_default(size=24)
    absent = bytes(font.getmask("\uffff"))
    shown = printable("".join(chr(i) for i in range(33, 1500)) + "·±…→µ")
    assert {c for c in shown if c != " " and bytes(font.getmask(c)) == absent} == set()
