"""The law of pairs in pure arrays: who may be drawn, and how likely.

- `forest`: tracks and parents as lineages; generations and relations.
- `positives`, `matches` and `negatives`: who may be drawn for an anchor, and the draw.
- `randomness`: every draw is a hash of what it is for.
"""
