"""A walk through the project's main job: from a config with faults to a validated export.

`clicks` is a hand at mouse and keyboard, `walk` what it does; the rest needs no window.
"""
