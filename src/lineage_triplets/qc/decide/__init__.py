"""What a person does: a review open, and what is accepted, rejected, cut, settled, approved, seen.

`sitting` puts record, data, checks and what is looked at together, and follows each decision;
`review` is what a person asks and decides in one; `targets`, `settled`, `channels` and `seen` make
the decisions that it records, and say which of them still count.
"""
