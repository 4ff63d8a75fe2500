"""What the panels show, apart from widgets."""
