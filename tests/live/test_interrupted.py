"""Ctrl-C in the middle of the lists of a real server, and the progress that a terminal shows until then."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.live.apiserver import ApiServer
from tests.live.stalling import relayed

pytestmark = pytest.mark.xdist_group("live-failures")


def command(kubeconfig: Path) -> list[str]:
    return [sys.executable, "-m", "ambimigrate", "scan", "--kubeconfig", str(kubeconfig)]


def read(terminal: int, into: list[bytes]) -> None:
    """All that is shown, until the other end is closed."""
    try:
        while data := os.read(terminal, 4096):
            into.append(data)
    except OSError:
        pass


def test_ctrl_c_while_lists_are_read(cluster: ApiServer) -> None:
    with relayed(cluster) as (relay, kubeconfig):
        done = subprocess.run(command(kubeconfig), capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")  # no progress where nobody looks
        whole = relay.passed
    shown: list[bytes] = []
    with relayed(cluster, whole * 3 // 4) as (relay, kubeconfig):
        own, terminal = pty.openpty()
        process = subprocess.Popen(command(kubeconfig), stdout=subprocess.PIPE, stderr=terminal)
        os.close(terminal)
        reader = threading.Thread(target=read, args=(own, shown))
        reader.start()
        assert relay.stalled.wait(60)
        time.sleep(1)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert time.monotonic() - start < 2
        reader.join(10)
        os.close(own)
    text = b"".join(shown).decode()
    assert " lists, " in text
    assert " lists, " in text
    assert text.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in text.rpartition("\x1b[?25l")[2]  # the cursor is back
    assert "Traceback" not in text
