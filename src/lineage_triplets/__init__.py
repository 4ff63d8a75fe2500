"""Anchor/positive pairs of live cells through divisions.

Names are imported when they are first used, from where the stub beside this file says: importing
the package pulls in neither torch nor any screen.
"""

import lazy_loader

_imported, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name != "__version__":
        return _imported(name)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("lineage-triplets")
    except PackageNotFoundError:
        return "0+unknown"
