"""The panel Export: what is left to settle, and the files."""
