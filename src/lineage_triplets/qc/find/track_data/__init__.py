"""What the checks of track tables share: places, steps, links and cells, as arrays."""
