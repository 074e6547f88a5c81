"""Retention of freed memory, tested in a separate process, because malloc is configured per process."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

from seqkit.modeling import malloc

SCRIPT = """
import json, resource
from seqkit.modeling.malloc import retain_freed_memory

SIZE = int("40000000")  # not a constant, which the compiler would multiply

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return int(open("/proc/self/statm").read().split()[1])

def count_page_faults():
    first = b"x" * SIZE  # about 10,000 pages
    before = faults()
    del first
    for _ in range(3):
        b"x" * SIZE
    return faults() - before

found = {"without": count_page_faults()}
with retain_freed_memory():
    b"x" * SIZE
    found["within"] = count_page_faults()
    before = resident()
found["returned"] = before - resident()
print(json.dumps(found))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="requires glibc")
def test_memory_is_retained_in_the_block_and_returned_after_it() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["within"] < 100 < 25_000 < found["without"]
    assert found["returned"] > 9_000


def test_without_glibc_the_context_manager_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(malloc.ctypes, "CDLL", lambda name: object())
    monkeypatch.setattr(malloc, "_malloc", malloc._malloc.__wrapped__)
    with malloc.retain_freed_memory():
        pass
    assert malloc._malloc() is None
