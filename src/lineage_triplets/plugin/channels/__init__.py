"""The panel Channels: what is in each slot of each experiment, remapped and approved here.

`panel` has one `grid` of `cell`: a picture, a verdict and a picker each.
"""
