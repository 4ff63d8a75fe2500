"""Checks of images, every frame read once."""
