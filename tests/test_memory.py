"""Memory that a process keeps, in a process of its own: how malloc is set is the whole process's."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

from seqkit import memory

SCRIPT = """
import json, resource
from seqkit.memory import kept_memory

SIZE = int("40000000")  # which no compiler multiplies out

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return int(open("/proc/self/statm").read().split()[1])

def pages_touched_anew():
    first = b"x" * SIZE  # some 10,000 pages
    before = faults()
    del first
    for _ in range(3):
        b"x" * SIZE
    return faults() - before

found = {"without": pages_touched_anew()}
with kept_memory():
    b"x" * SIZE
    found["within"] = pages_touched_anew()
    held = resident()
found["given back"] = held - resident()
print(json.dumps(found))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc's malloc that is told")
def test_memory_is_kept_within_the_block_and_given_back_after_it() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout)
    assert found["within"] < 100 < 25_000 < found["without"]
    assert found["given back"] > 9_000


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    monkeypatch.setattr(memory, "_malloc", memory._malloc.__wrapped__)
    with memory.kept_memory():
        pass
    assert memory._malloc() == (None, None)
