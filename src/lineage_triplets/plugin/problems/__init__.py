"""The panel Problems: what the checks found.

`panel` joins `finding_list` (over `model`) and `finding_actions`, which settle the one selected
under its `finding_text`; `placement_look` looks first whether tables lie on their images.
"""
