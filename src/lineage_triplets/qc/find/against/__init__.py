"""A review's tables held against another tracker's, or a truth.

A tour: `other` finds the other's tables and reads them; `match` tells which cells are one, and
`chains` what each of these follows in either table; `agreement` counts, and says how sure a share
is; `disagreements` words what differs, and names what takes the other's link; `compare` is all.
"""
