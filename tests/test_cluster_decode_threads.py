"""Decoders of many kinds, made by several threads at once as a scan of a cluster does."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
from ambimigrate.kinds import Object
from ambimigrate.sources import cluster_decode

sys.setswitchinterval(1e-6)
def below(view):
    for each in view.__subclasses__():
        yield each
        yield from below(each)
views = [each for each in dict.fromkeys(below(Object)) if not each.NEEDS_TEXT]
BODY = b'{"items": [{"metadata": {"name": "x"}}]}'
with ThreadPoolExecutor(8) as pool:
    done = list(pool.map(lambda view: cluster_decode.page(view.__name__, view, BODY), views))
print(sum(len(each.objects) + len(each.problems) for each in done) == len(views) > 40)
"""


def test_threads_that_decode_at_once_do_not_meet_half_made_views() -> None:
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
