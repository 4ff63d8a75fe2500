"""Roles: told apart by any eyes, and without colour."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from lineage_triplets.qc.look.roles import ROLES, kin_role

# Machado, Oliveira and Fernandes 2009: what is left of linear RGB without one kind of cone.
EYES = {
    "all cones": np.eye(3),
    "protanope": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranope": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanope": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
# 2.3 is a difference that is just seen, beside each other and large.
APART = 20.0


def lab(colour: tuple[int, int, int], eyes: object) -> np.ndarray:
    """Give CIELAB of an sRGB colour as some eyes see it."""
    srgb = np.array(colour) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(eyes) @ linear, 0, 1) / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", EYES)
def test_all_roles_are_told_apart_by_any_eyes(eyes: str) -> None:
    seen = {role: lab(mark.colour, EYES[eyes]) for role, mark in ROLES.items()}
    apart = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in combinations(seen, 2)}
    assert min(apart.values()) > APART, min(apart, key=apart.__getitem__)


def test_roles_are_seen_on_dark_images() -> None:
    assert min(lab(mark.colour, np.eye(3))[0] for mark in ROLES.values()) > 55


def test_cells_are_told_apart_without_colour() -> None:
    cells = [mark for role, mark in ROLES.items() if role not in {"cell", "table", "instead"}]
    for values in ([mark.letter for mark in cells], [mark.ring for mark in cells]):
        assert len(set(values)) == len(cells)
    assert ROLES["table"].line != ROLES["instead"].line


def test_kin_are_mother_daughters_and_sisters() -> None:
    parent = np.array([-1, 0, 0, 1, -1])
    assert [kin_role(parent, track, of=1) for track in range(5)] == [
        "mother", None, "sister", "daughter", None,
    ]  # fmt: skip
    # Roots are nobody's sisters.
    assert kin_role(parent, 4, of=0) is None
