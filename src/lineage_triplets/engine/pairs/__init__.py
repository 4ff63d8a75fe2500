"""The law of pairs in pure arrays: who may be drawn, and how likely."""
