"""What automatic checks find in tables, images, settings and channel slots.

A tour: `finding` is what a check gives, and where that is; `checks` what a check is, and the list
of those there are. They stand in `tracks`, `pixels` and `settings`, by what they look at; those
of tables share `track_data`. `doubt` puts links in the order in which they are worth a look.
`channels` tells what each slot shows. `run` runs all of them and keeps what they found, as
`Review.checks`.
"""

from lineage_triplets.qc.find.finding import (
    SEVERITIES,
    Evidence,
    Finding,
    FindingPlace,
    finding_of,
    finding_place,
    lineage_problems,
)

__all__ = [
    "SEVERITIES",
    "Evidence",
    "Finding",
    "FindingPlace",
    "finding_of",
    "finding_place",
    "lineage_problems",
]
