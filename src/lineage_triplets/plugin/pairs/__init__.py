"""The panel Pairs: what tau comes to, and how pairs look."""
