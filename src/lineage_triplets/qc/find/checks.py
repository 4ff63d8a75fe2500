"""Automatic checks, each a small module that registers itself when it is imported."""

from __future__ import annotations

from importlib import import_module

MODULES: tuple[str, ...] = (
    "pixels.blank",
    "pixels.changed_cell",
    "pixels.focus",
    "pixels.nan",
    "pixels.repeated",
    "pixels.saturated",
    "settings.anchors",
    "settings.channel_names",
    "settings.collateral",
    "settings.interval_metadata",
    "settings.interval_suspect",
    "settings.tau",
    "tracks.daughters",
    "tracks.duplicate_tracks",
    "tracks.far_daughters",
    "tracks.identity_swaps",
    "tracks.jumps",
    "tracks.missed_divisions",
    "tracks.open_ends",
    "tracks.short_tracks",
)
"""Modules of `lineage_triplets.qc.find` that register a check, sorted."""


def load_checks() -> None:
    """Import all checks, which fills the registries of `lineage_triplets.qc.find.registry`."""
    for name in MODULES:
        import_module(f"{__package__}.{name}")
