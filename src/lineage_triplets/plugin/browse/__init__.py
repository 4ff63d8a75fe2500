"""The panel Browse: find a lineage, see its tree, decide."""
