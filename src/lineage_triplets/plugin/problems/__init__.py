"""The panel Problems: what the checks found."""
