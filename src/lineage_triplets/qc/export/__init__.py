"""What a review gives: a validated config, a cell index, a collection, a report, a script.

A tour: `plan` says what an export would write and what it costs, `export` passes the gate and
writes all files at once. `cell_index` and `collection` are DynaCLR's formats, `report` the page
for people, and `script` the command lines that repeat the review.
"""
