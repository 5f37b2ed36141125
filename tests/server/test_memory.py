"""Heaps of the C library, in a process of their own: what is set there lasts."""

from __future__ import annotations

import platform
import re
import subprocess
import sys

import pytest

_SCRIPT = """
import ctypes, sys, tempfile, threading
from wlm.server import memory

if sys.argv[1] == "few":
    assert memory.few_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
here = threading.Barrier(12)

def work():
    taken = ctypes.c_void_p(libc.malloc(50_000))
    here.wait()
    libc.free(taken)

threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
memory.give_back(memory.LONG)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as file:
    out = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, out)
    libc.fclose(out)
    print(file.read().decode())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has these heaps")
def test_all_threads_share_two_heaps() -> None:
    heaps = {}
    for how in ("few", "many"):
        told = subprocess.run(
            [sys.executable, "-c", _SCRIPT, how], capture_output=True, text=True, check=True
        ).stdout
        heaps[how] = len(re.findall(r"<heap nr=", told))
    assert heaps["few"] <= 2 < heaps["many"]
