"""What stands there before a config is open: `welcome`, `new_config` from any files, the `sample`.

A config in the making is a `draft`, with the tables in which it is filled in.
"""
