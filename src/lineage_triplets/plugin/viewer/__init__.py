"""The layers of the FOV on screen, and where the viewer looks."""
