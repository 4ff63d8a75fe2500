"""What a training loop needs around the dataset.

- `ranks`: which of how many processes this one is.
- `plan`: the order in which an epoch is read, by the stores' own chunks and a bound of memory.
- `columns`: groups, strata and weights, of columns of the tracks.
- `kept`: a batch sampler that Lightning does not make anew.
- `resume`: whether a saved state can be gone on with.
- `sampler`: batches of that order; resumes in mid-epoch.
- `split`: anchors of train, validation and test, with no lineage on two sides.
- `transforms`: normalization and augmentation of batches, on their device; `norm_statistics` looks
  up what normalizes.
- `statistics`: of plates, FOVs and frames, streaming and resumable.
- `loader`: batches of a sampler, counted as they are used; workers that are gone.
- `example`: a small encoder that learns, and what it is worth.
- `datamodule`: all of it for Lightning.

Names are imported when they are first used, from where the stub beside this file says.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
