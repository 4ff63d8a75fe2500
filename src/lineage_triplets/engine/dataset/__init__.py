"""Pairs with their pixels, as batches; and whether they are what was validated."""
