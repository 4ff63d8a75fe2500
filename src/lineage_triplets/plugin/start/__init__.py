"""What stands there before a config is open: `welcome`, `new_config` from plates, the `sample`.

A config in the making is a `config_draft`, shown and filled in by `draft_views`.
"""
