"""Timings of the engine beside the straightforward ways; ``python -m benchmarks`` runs them."""
