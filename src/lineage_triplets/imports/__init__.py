"""Images of other kinds made plates that the project reads.

`plan_import` recognises files and folders and says what they do not; `run_import` writes the plate.

- `sources`: one small module a kind of image, found through a list.
- `plan`: what was recognised, what is asked, what is told; `recognise` makes it.
- `layout`: the plate's metadata, and how its arrays are packed.
- `write`: planes into arrays, with little memory.
- `run`: all of it or nothing, and on from where it stopped.

Names are imported when they are first used, from where the stub beside this file says.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
