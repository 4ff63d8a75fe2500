"""Masks of labelled cells that lie beside images: where they are, and what they say of cells.

- `find`: which masks a FOV has, from names, JSON and headers alone.
- `cells`: which label is which cell; outlines and areas of labels.
"""
