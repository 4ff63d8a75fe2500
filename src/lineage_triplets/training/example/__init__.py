"""An example that learns: a small contrastive encoder, trained on a CPU in minutes, and judged.

- `encoder`: a few convolutions, and the loss NT-Xent.
- `judge`: whether embeddings find lineages again, and tell conditions and fates apart.
- `run`: trains, embeds and judges.
- `sample`: simulated movies to do so with.
- `sheet`: a picture of what was found for some cells.
"""
