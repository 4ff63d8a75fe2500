"""Checks of track tables: places, steps, links, divisions."""
