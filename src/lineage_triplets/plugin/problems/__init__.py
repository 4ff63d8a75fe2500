"""The panel Problems: what the checks found.

`panel` joins `finding_list` (over `model`) and `finding_actions`, which settle the one selected.
"""
