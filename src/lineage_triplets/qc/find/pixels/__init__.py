"""Checks of images: every frame of a FOV is read once, and shown to all checks in order.

A tour: `frame_reading` reads ahead, `frame_scan` drives the checks over FOVs and keeps results.
`frames` is what checks share: statistics of a frame, and findings of frames or runs of them.
`spoilt_frames` and `poor_frames` look at whole frames, `brightness` at the movie's light, with
`trends` for what lasts to its end; `changed_cell` at the cells' own rings, which `cell_changes`
measures.
"""
