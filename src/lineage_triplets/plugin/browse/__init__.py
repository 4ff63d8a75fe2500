"""The panel Browse: find a lineage, see its tree, decide.

`panel` joins `lineage_list` (over `model`), `tree_view` and `decide_bar`. A tree is laid out in
`tree`, painted by `tree_painter`.
"""
