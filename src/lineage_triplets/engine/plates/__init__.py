"""Stores as they are: their metadata, their channels, and experiments opened against them.

- `stores` and `remote`: where stores are, folders and URLs alike, and their files of JSON.
- `zarr_json`: that JSON, read once: attributes of groups, and the form of an array.
- `channels`: names of channels: the store's labels, and the config's where it has none.
- `coordinates`: axes, pixel size and interval, from scales or coordinate systems.
- `image`: one image by JSON alone: its array, levels, axes, channels.
- `collections`: series below a root, and what else lies below a group.
- `plate`: plates, collections and images as wells with FOVs.
- `acquisitions`: FOVs of several acquisitions in one plate.
- `chunks`, `readable`, `written`: how chunks lie in files, what cannot be read, what is there yet.
- `normalization`: statistics that a FOV carries along.
- `experiments`: `ExperimentRegistry`, a config's experiments with their plates and channel maps.
"""
