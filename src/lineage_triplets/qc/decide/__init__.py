"""What a person does: a review open, and what is accepted, rejected, cut, settled, approved, seen.

`review` puts record, data, checks and what is looked at together; `targets`, `settled`,
`channels` and `seen` make the decisions that it records, and say which of them still count.
"""
