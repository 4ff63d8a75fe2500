"""Stores as they are: their metadata, their channels, and experiments opened against them."""
