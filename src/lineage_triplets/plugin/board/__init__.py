"""The board: all FOVs of all experiments as tiles, and how far their review is.

`model` filters and orders, `reading` reads thumbnails, `tiles` draws them, `head` says how far the
review is and what matters next, `panel` puts them together.
"""
