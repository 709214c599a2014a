"""Kept memory: large blocks that are freed and taken again fault in once."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from keraunos._kernels.memory import keep_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

kept = keep_memory(huge_pages=False)
np.ones(4_000_000)
before = faults()
for _ in range(4):
    np.ones(4_000_000)
print(kept, faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_freed_blocks_are_used_again():
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    kept, faults = ran.stdout.split()
    if kept == "False":
        pytest.skip("not glibc")
    assert int(faults) < 1000  # 4 blocks of 32 MB have 31,000 pages
