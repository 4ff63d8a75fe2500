"""Pairs with their pixels, as batches; and whether they are what was validated.

- `source`: `PairSource`, the one path of pairs and pixels under training and review.
- `samples`: kinds of sample, and labels.
- `batch`: a whole batch, which torch's default collate function hands on.
- `coming`: batches that a sampler has told: pairs drawn, and patches cut, before they come.
- `dataset`: `MultiExperimentTripletDataset`, its batches as tensors.
- `prefetch`: batches made ahead in a thread.
- `verification`: fingerprints, and what changed since a config was validated.
"""
