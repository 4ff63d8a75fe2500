"""What a person writes: YAML with lines, its models, its paths, tau in hours.

- `model`: `TripletConfig` and all that it holds; the description of each field says what it means.
- `file`: `load_config` and `save_config`, with every fault and its line; `faults` words them.
- `yaml`, `paths`: YAML whose text stays text and whose keys have lines; paths as people write them.
- `collection`: DynaCLR's ``collection.yml``, read as a config.
- `tau`: hours as frames of an experiment, `TauFrames`; p(tau), as a draw and as chances, `TauLaw`.
"""
