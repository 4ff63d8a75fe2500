"""The panel Problems: what the checks found.

`panel` joins `finding_list` (lines drawn by `finding_line`, over `model` and `groups`) and
`finding_actions`, which settle what is selected under its `finding_text`; `placement_look` looks
first whether tables lie on their images.
"""
