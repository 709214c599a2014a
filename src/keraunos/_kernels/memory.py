"""Asks the C library to keep freed memory, so that large buffers do not fault in page by page.

A step on the CPU takes and frees buffers of many megabytes. glibc returns each to the system, and
the next step faults it in again: half of the processor's time in a convolution network on large
pictures. What is kept instead is the most that the process ever held.
"""

from __future__ import annotations

import ctypes
import os

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def keep_memory() -> bool:
    """Tells glibc to take all blocks from one heap and never to give the heap back.

    Threads that were started before keep heaps of their own, and gain nothing. Where the
    environment says `KERAUNOS_KEEP_MEMORY=0`, nothing is done.

    Returns:
        Whether it was done; elsewhere than on glibc nothing happens.
    """
    if os.environ.get("KERAUNOS_KEEP_MEMORY") == "0":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    # Heaps of threads hold 64 MB at most and are unmapped when empty: hence a single one.
    settings = [(M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_ARENA_MAX, 1)]
    return sum(mallopt(name, value) for name, value in settings) == len(settings)
