"""What a person writes: YAML with lines, its models, its paths, tau in hours."""
