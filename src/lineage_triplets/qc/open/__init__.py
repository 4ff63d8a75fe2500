"""A config's data: as on disk, with links cut, and as training reads it."""
