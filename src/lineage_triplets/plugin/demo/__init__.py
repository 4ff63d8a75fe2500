"""A walk through the project's main job: from a config with faults to a validated export."""
