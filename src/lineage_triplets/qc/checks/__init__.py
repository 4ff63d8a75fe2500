"""Automatic checks, each a small module that registers itself when it is imported."""

from __future__ import annotations

from importlib import import_module

MODULES: tuple[str, ...] = (
    "daughters",
    "duplicate_tracks",
    "far_daughters",
    "identity_swaps",
    "jumps",
    "missed_divisions",
    "open_ends",
    "pixels_blank",
    "pixels_changed_cell",
    "pixels_focus",
    "pixels_nan",
    "pixels_repeated",
    "pixels_saturated",
    "settings_anchors",
    "settings_channel_names",
    "settings_collateral",
    "settings_interval_metadata",
    "settings_interval_suspect",
    "settings_tau",
    "short_tracks",
)
"""Modules of this package that register a check, sorted."""


def load_checks() -> None:
    """Import all checks, which fills the registries of `lineage_triplets.qc.findings`."""
    for name in MODULES:
        import_module(f"{__name__}.{name}")
