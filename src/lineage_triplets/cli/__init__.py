"""The command line: every step from plates to a config and its pictures, without a screen."""

from lineage_triplets.cli.app import app, main

__all__ = ["app", "main"]
