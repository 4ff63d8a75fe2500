"""Stores as they are: their metadata, their channels, and experiments opened against them.

- `stores` and `remote`: where stores are, folders and URLs alike, and their files of JSON.
- `zarr_json`: that JSON, read once: attributes of groups, and the form of an array.
- `channels`: names of channels: the store's labels, and the config's where it has none.
- `plate`: plates and FOVs by JSON alone: axes, channels, pixel size, interval.
- `normalization`: statistics that a FOV carries along.
- `experiments`: `ExperimentRegistry`, a config's experiments with their plates and channel maps.
"""
