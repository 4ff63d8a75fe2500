"""Run the command line as ``python -m lineage_triplets``."""

from lineage_triplets.cli import main

main()
