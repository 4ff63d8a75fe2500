"""What the checks of track tables share, as arrays over all FOVs at once.

A tour, from below: `groups` finds medians and neighbours of many groups; `rows` are the
observations, without the stage's drift; `steps` is how cells move, `links` how rows follow each
other, `mislinks` what a tracker got wrong. `data` puts them together, each made when first asked.
"""
