"""Colours of the plugin: text that can be read in both themes, states that any eyes tell apart."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from napari.utils.theme import get_theme
from qtpy.QtGui import QColor, QPalette

from lineage_triplets.plugin.channels.cell import _OPEN, _RIGHT, _WRONG
from lineage_triplets.plugin.common.field import Field
from lineage_triplets.plugin.common.link_picture import OTHER_COLOUR, TABLE_COLOUR
from lineage_triplets.plugin.common.patch_image import (
    LEAST_CONTRAST,
    contrast,
    dimmed,
    legible,
    relation_colour,
)
from lineage_triplets.plugin.export import checklist
from lineage_triplets.plugin.problems.finding_line import severity_colour

THEMES = ("dark", "light")
GROUNDS = ("background", "foreground", "primary", "console", "highlight")
# Severe colour blindness in linear RGB, of Machado, Oliveira and Fernandes (2009).
EYES = {
    "usual": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
OTHERS = {
    "right": _RIGHT[2],
    "wrong": _WRONG[2],
    "open": _OPEN[2],
    "settled": checklist._SETTLED[1],
    "to settle": checklist._OPEN[1],
    "table": TABLE_COLOUR,
    "other": OTHER_COLOUR,
}


def palette_of(theme: str, ground: str) -> QPalette:
    """The palette of a widget with a ground of napari's, as its style sheet gives it."""
    colours = get_theme(theme).to_rgb_dict()
    palette = QPalette()
    roles = {QPalette.ColorRole.Window: ground, QPalette.ColorRole.WindowText: "text"}
    for role, name in roles.items():
        parts = [int(part) for part in colours[name].strip("rgb()").split(",")]
        palette.setColor(role, QColor(*parts))
    return palette


def lab(colour: QColor, eyes: str) -> np.ndarray:
    """CIE L*a*b* of a colour as some eyes see it."""
    rgb = np.array([colour.redF(), colour.greenF(), colour.blueF()])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(EYES[eyes] @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = np.cbrt(np.maximum(to_xyz @ seen / [0.9505, 1, 1.089], 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_contrast_is_that_of_the_guideline() -> None:
    white, black, grey = QColor("white"), QColor("black"), QColor(118, 118, 118)
    assert contrast(white, black) == pytest.approx(21)
    assert contrast(white, grey) == pytest.approx(4.54, abs=0.01)
    assert contrast(grey, grey) == pytest.approx(1)


@pytest.mark.parametrize(("theme", "ground"), [*product(THEMES, GROUNDS)])
def test_all_text_of_ours_is_read_in_both_themes(theme: str, ground: str) -> None:
    palette = palette_of(theme, ground)
    under = palette.color(QPalette.ColorRole.Window)
    texts = {
        "text": palette.color(QPalette.ColorRole.WindowText),
        "dimmed": dimmed(palette),
        **{name: severity_colour(name, palette) for name in ("error", "warning", "note")},
        **{name: legible(colour, palette) for name, colour in OTHERS.items()},
        **{name: relation_colour(name, palette) for name in ("same track", "daughter", "sister")},
    }
    low = {name: round(contrast(colour, under), 2) for name, colour in texts.items()}
    assert {name: ratio for name, ratio in low.items() if ratio < LEAST_CONTRAST} == {}


@pytest.mark.parametrize(("theme", "eyes"), [*product(THEMES, EYES)])
def test_states_are_told_apart_by_any_eyes(theme: str, eyes: str) -> None:
    palette = palette_of(theme, "background")
    sets = {
        "verdicts": [legible(OTHERS[name], palette) for name in ("right", "wrong")],
        "checklist": [legible(OTHERS[name], palette) for name in ("settled", "to settle")],
        "links": [legible(OTHERS[name], palette) for name in ("table", "other")],
        "severities": [severity_colour(name, palette) for name in ("error", "warning", "note")],
        "relations": [
            relation_colour(name, palette) for name in ("same track", "daughter", "sister")
        ],
    }
    near = {
        name: round(float(np.linalg.norm(lab(first, eyes) - lab(second, eyes))), 1)
        for name, colours in sets.items()
        for first, second in combinations(colours, 2)
        if np.linalg.norm(lab(first, eyes) - lab(second, eyes)) < 10
    }
    assert near == {}


@pytest.mark.parametrize("theme", THEMES)
def test_hints_in_empty_fields_are_read_in_both_themes(viewer: Any, qtbot: Any, theme: str) -> None:
    field = Field("Filter")
    viewer.window.add_dock_widget(field)
    viewer.theme = theme
    qtbot.waitUntil(lambda: contrast(*hint_and_ground(field)) >= LEAST_CONTRAST)
    viewer.theme = THEMES[1 - THEMES.index(theme)]
    qtbot.waitUntil(lambda: contrast(*hint_and_ground(field)) >= LEAST_CONTRAST)


def hint_and_ground(field: Field) -> tuple[QColor, QColor]:
    """The colours of a field's hint and of its ground, as they are drawn."""
    palette = field.palette()
    hint = palette.color(QPalette.ColorRole.PlaceholderText)
    assert hint.alpha() == 255
    return hint, palette.color(QPalette.ColorRole.Base)
