"""Checks of track tables: steps that jump, daughters out of line, tracks that are no cell's life.

Each is a function from `TrackData` to findings, registered as a `TableCheck`.
"""
