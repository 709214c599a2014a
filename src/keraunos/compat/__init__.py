"""Old programs: `import keras` and `tensorflow.keras` give keraunos, but only when asked."""

from keraunos.compat.hook import install, uninstall

__all__ = ["install", "uninstall"]
