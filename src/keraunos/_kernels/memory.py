"""Asks the C library to keep freed memory, so that large buffers do not fault in page by page.

A step on the CPU takes and frees buffers of many megabytes. glibc returns each to the system, and
the next step faults it in again: half of the processor's time in a convolution network on large
pictures. What is kept instead is the most that the process ever held.
"""

from __future__ import annotations

import ctypes
import os

# From glibc's malloc.h and Linux's mman.h.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8
MADV_HUGEPAGE = 14
HUGE_PAGE = 2 << 20


def keep_memory(huge_pages: bool = True) -> bool:
    """Tells glibc to take all blocks from one heap and never to give the heap back.

    Threads that were started before keep heaps of their own, and gain nothing. Where the
    environment says `KERAUNOS_KEEP_MEMORY=0`, nothing is done.

    Args:
        huge_pages: whether to reserve a quarter of the machine's memory (as addresses, not as
            memory) in pages of 2 MB, where the system leaves that to programs.

    Returns:
        Whether it was done; elsewhere than on glibc nothing happens.
    """
    if os.environ.get("KERAUNOS_KEEP_MEMORY") == "0":
        return False
    try:
        libc = ctypes.CDLL(None)
        mallopt, malloc, free, madvise = libc.mallopt, libc.malloc, libc.free, libc.madvise
    except (OSError, AttributeError, TypeError):
        return False
    # Heaps of threads hold 64 MB at most and are unmapped when empty: hence a single one.
    settings = [(M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_ARENA_MAX, 1)]
    done = sum(mallopt(name, value) for name, value in settings) == len(settings)
    if done and huge_pages:
        malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        free.argtypes = [ctypes.c_void_p]
        madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
        block = malloc(size)
        if block:
            # Untouched and never trimmed, it stays as the free end of the heap.
            start = -(-block // HUGE_PAGE) * HUGE_PAGE
            madvise(start, block + size - start, MADV_HUGEPAGE)
            free(block)
    return done
