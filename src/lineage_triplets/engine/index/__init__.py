"""All tables as arrays: which FOVs, what is cut, linked and excluded, what everything is called.

- `fovs`: which FOVs are read, and where their tables are.
- `gather`: their tables read, by threads or by a dask scheduler.
- `rows`: observations and tracks as columns, with links cut.
- `links`: the links that tables lack.
- `assemble`: all tables together: sorted, related, excluded, counted.
- `names`: the ids that people see, written and read.
- `index`: `MultiExperimentIndex`; `one_lineage` is a part of it for a choice on screen.
"""
