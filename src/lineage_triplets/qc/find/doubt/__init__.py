"""How likely each link of a table is wrong, told from the table alone, and what rests on it.

A tour, from below: `cells` are the observations of one experiment and their links; `scales` is what
is usual for them; `costs` weighs a link, a division, a start and an end in nats; `fragments` joins
what a tracker left in pieces; `alternatives` holds each link against what else may have been;
`harm` counts the training pairs across a link; `repairs` names links, and what would mend them;
`links` puts them in the order in which they are worth a look.
"""
