"""All tables as arrays: which FOVs, what is cut and excluded, what everything is called."""
