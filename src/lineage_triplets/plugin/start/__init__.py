"""What stands there before a config is open."""
