"""One FOV's table: its format, its checks, its links.

- `formats`: a small reader each, from a file or folder to raw columns, found by its content.
- `branches`: cells and links to tracks that end at divisions.
- `table`: raw columns checked, `TrackTable`.
- `faults`: parents that cannot be, cycles, who spans which frames; what was repaired or left out.
- `transform`: the checked table in the image's frames and pixels.
- `read`: from a folder or a file to the checked table.
"""
