"""The viewer fixtures of napari, for these tests alone: importing it takes a second."""

from __future__ import annotations

from napari.utils._testsupport import make_napari_viewer, mock_app_model

__all__ = ["make_napari_viewer", "mock_app_model"]
