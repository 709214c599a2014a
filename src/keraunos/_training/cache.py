"""The persistent compilation cache: on by default, in a folder that only its owner can read."""

from __future__ import annotations

import os
import pathlib
import stat

import jax

_asked = False


def enable() -> None:
    """Let compiled programs outlive the process, once; `KERAUNOS_COMPILATION_CACHE=0` opts out.

    The folder is `$KERAUNOS_COMPILATION_CACHE`, else one in the user's cache folder. A folder
    that somebody else could write to is not used: compiled programs are code. A cache that JAX
    has been given already (`JAX_COMPILATION_CACHE_DIR`) is left as it is.
    """
    global _asked
    if _asked:
        return
    _asked = True
    wish = os.environ.get("KERAUNOS_COMPILATION_CACHE", "")
    if wish.lower() in ("0", "off", "false") or jax.config.values["jax_compilation_cache_dir"]:
        return
    folder = pathlib.Path(wish) if wish else _default_folder()
    if not _private(folder):
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def _default_folder() -> pathlib.Path:
    root = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(root) / "keraunos" / "programs"


def _private(folder: pathlib.Path) -> bool:
    """Make the folder for its owner alone, and return whether it is."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.stat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return True
    others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return found.st_uid == os.getuid() and not others
