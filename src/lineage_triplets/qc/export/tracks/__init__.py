"""The mended tracks as files of other tools: what is written, and a small module a format."""
