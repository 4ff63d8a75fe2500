"""The review: what is accepted, rejected, cut, settled, approved, seen."""
