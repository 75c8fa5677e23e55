import subprocess
import sys

import pytest

_PROBE = """
import resource, sys, torch
from mien.training.memory import keep_freed_memory
torch.set_num_threads(1)
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit(77)
def step():
    # 52 MB each: above the 32 MB up to which glibc learns by itself to keep memory.
    return sum(x.sum() for x in [torch.ones(13_000_000) for _ in range(4)])
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode):
    run = subprocess.run(
        [sys.executable, "-c", _PROBE, mode], capture_output=True, text=True, check=False
    )
    if run.returncode == 77:
        pytest.skip("the allocator is not glibc's")
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted on Linux")
def test_steps_pay_for_their_memory_once():
    assert faults("keep") < faults("default") / 2
