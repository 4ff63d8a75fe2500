"""Rows to pixels."""
