"""Python runs this first in every process that a launched program starts: they are hooked as well.

So the workers of `multiprocessing` and of joblib, and scripts that a program runs, find `keras`
where the program found it. Nothing is imported before one of the names is wanted. A Python that
does not have keraunos goes on without.
"""

import importlib.abc
import importlib.util
import os
import sys
from pathlib import Path


class _Waiting:
    """Installs the hook at the first import of one of its names."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] not in os.environ.get("KERAUNOS_NAMES", "").split():
            return None
        sys.meta_path.remove(self)
        if fullname == "keraunos":
            spec = importlib.util.find_spec(fullname)
            if spec is not None:
                spec.loader = _ThenInstall(spec.loader)
            return spec
        try:
            _install()
        except ImportError:
            return None
        # The hook stands first now, but this search has passed that place already.
        return sys.meta_path[0].find_spec(fullname, path, target)


class _ThenInstall(importlib.abc.Loader):
    """Loads keraunos as its own loader does, and installs the hook."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        spec = module.__spec__
        if spec is not None:
            spec.loader = self.loader
        module.__loader__ = self.loader
        self.loader.exec_module(module)
        _install()


def _install():
    importlib.import_module("keraunos.compat").install(os.environ.get("KERAUNOS_ERA"))


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, _Waiting())
    # Another file of this name may be waiting behind this one.
    here = Path(__file__).absolute().parent
    sys.path[:] = [p for p in sys.path if Path(p or ".").absolute() != here]
    ours = sys.modules.pop(__name__)
    try:
        importlib.import_module(__name__)
    except ImportError:
        sys.modules[__name__] = ours
