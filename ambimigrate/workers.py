"""Several processes for one computation: each is a fork that sees all values as they are and sends back what it found."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 4  # more processes only copy more pages


def worth(size: int, enough: int) -> int:
    """How many processes a computation of that size is worth: 1 for a small one, or where forking is not safe."""
    if size < enough or not hasattr(os, "fork") or threading.active_count() > 1:
        return 1
    return min(MOST, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def spread(jobs: Sequence[Callable[[], T]]) -> Iterator[T]:
    """The results of the jobs in order, each computed in a process of its own but for the first, which runs here.

    An exception in a job is raised here.
    """
    gc.freeze()  # the collector would write into every page that the processes share
    try:
        others = [_started(job) for job in jobs[1:]]
        yield jobs[0]()
        for process, end in others:
            yield _received(process, end)
    finally:
        gc.unfreeze()


def _started(job: Callable[[], Any]) -> tuple[int, int]:
    read, write = os.pipe()
    process = os.fork()
    if process:
        os.close(write)
        return process, read
    import pickle

    try:
        os.close(read)
        with os.fdopen(write, "wb") as out:
            pickle.dump(_outcome(job), out, protocol=pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)


def _outcome(job: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return job(), None
    except Exception as error:
        return None, error


def _received(process: int, end: int) -> Any:
    import pickle

    with os.fdopen(end, "rb") as source:
        content = source.read()
    os.waitpid(process, 0)
    if not content:
        raise RuntimeError("a worker ended without a result")
    result, error = pickle.loads(content)
    if error is not None:
        raise error
    return result
