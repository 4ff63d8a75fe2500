"""The napari plugin: the engine and the review as people see them.

`manifest` is what napari calls, `widget` the dock: panels as tabs over one `common.session`. A
folder is a panel, with its ``panel.py``, its model and its views: `browse`, `pairs`, `channels`,
`problems` and `export`. No panel knows another; they meet in the session. `viewer` keeps the layers
of the FOV on screen, `start` is what stands there before a config is open, `demo` walks through it
all by mouse and keys.
"""
