"""A config's data: as on disk, with links cut and joined, and as training reads them.

`data` has them under some settings and decisions, as a value; `tables` remembers what was read.
"""
