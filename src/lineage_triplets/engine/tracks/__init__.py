"""One FOV's table: its format, its checks, its links."""
