"""What glibc's allocator keeps of the memory that the process has given back.

Left to itself it makes an arena for each thread and lets the heap grow around every large buffer:
a storm of alerts left 90 MB that nothing used any more.
"""

from __future__ import annotations

import ctypes

#: Names of <malloc.h>.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
#: Buffers from here on go back to the system at once. Set by hand, it no longer grows by itself.
_MMAP_BYTES = 128 * 1024
#: Threads draw, read files and look up names; all of it together rarely waits for a lock.
_ARENAS = 2


def keep_little() -> bool:
    """Before the first thread. False where the C library has no such setting (musl, macOS)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_ARENA_MAX, _ARENAS)) and bool(mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES))
