"""The headless engine: from experiments.yml to batches. Knows nothing of review and screens.

Names are imported when they are first used, from where the stub beside this file says; torch with
`MultiExperimentTripletDataset` alone.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
