"""Kept memory: large blocks that are freed and taken again fault in once."""

import os
import platform
import subprocess
import sys

import pytest

# Four results of 64 MB, more than glibc ever keeps by itself, have 62,000 pages.
PROGRAM = """
import resource, time
import jax, jax.numpy as jnp
{imports}

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

x = jnp.ones(16_000_000)
step = jax.jit(lambda x: x + 1)
def steps():
    for _ in range(4):
        step(x).block_until_ready()
        time.sleep(0.02)  # it is freed a moment later

for _ in range(4):
    steps()
before = faults()
steps()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
@pytest.mark.parametrize(
    "imports, kept, few",
    [("", "1", False), ("import keraunos", "1", True), ("import keraunos", "0", False)],
)
def test_a_step_takes_the_memory_that_the_last_one_freed(imports, kept, few):
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(imports=imports)],
        env={**os.environ, "KERAUNOS_KEEP_MEMORY": kept},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (int(ran.stdout) < 1000) == few
