"""Checks of what config and tables come to together."""
