"""What must never happen: kills, races, power gone between two writes, and inputs that are broken.

Each part is a program of its own too, so that what it forks is small:
``python -m benchmarks.trouble.kills --help``. `tables` runs all of them.
"""
