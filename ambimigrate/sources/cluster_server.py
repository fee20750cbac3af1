"""The API server: GET requests with time-outs and patience, the reviews that tell who asks and what they may, nothing else."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
import urllib3
from msgspec import Struct
from urllib3 import exceptions

from ambimigrate import __version__
from ambimigrate.sources.cluster_access import Access

JSON = "application/json"
_REVIEWS = frozenset({"selfsubjectreviews", "selfsubjectrulesreviews"})  # asked by creating them; nothing is kept of them
ANONYMOUS = "system:anonymous"
_BUSY = frozenset({429, 500, 502, 503, 504})
_FOUND, _CREATED, _NOT_FOUND, _EXPIRED, _TOO_MANY = 200, 201, 404, 410, 429
_UNKNOWN, _FORBIDDEN = 401, 403
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_GONE_SILENT = 4  # requests in a row without any answer, after which no further one waits for its time-out
_OBJECT = re.compile(r"<[^<>]* object at [^<>]*>:? ?|^\w+(?:Connection|Pool)\([^()]*\): ?")


class Patience(Struct, frozen=True):
    """How long to wait for an answer, and how often to ask again; seconds."""

    connect: float = 10
    read: float = 60
    pause: float = 0.5  # before the second try; doubled before each further one
    longest: float = 8  # pause, unless the server asks for more
    most: float = 30  # of what a server asks for by Retry-After
    busy: int = 8  # tries at 429: the server says that it will be better soon
    failing: int = 4  # tries at 5xx
    silent: int = 2  # tries without an answer


class Failed(Exception):
    """A request that brought nothing: the status (0 without an answer) and the server's own reason.

    `token` continues an expired list with newer objects.
    """

    def __init__(self, status: int, reason: str, token: str = "", after: float | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.token, self.after = status, reason, token, after

    @property
    def is_refusal(self) -> bool:
        return self.status in {_UNKNOWN, _FORBIDDEN}

    @property
    def is_unknown(self) -> bool:
        return self.status == _UNKNOWN

    @property
    def is_expired(self) -> bool:
        return self.status == _EXPIRED

    @property
    def is_missing(self) -> bool:
        return self.status == _NOT_FOUND

    @property
    def is_anonymous(self) -> bool:
        return self.is_refusal and ANONYMOUS in self.reason


class _StatusMetadata(msgspec.Struct, frozen=True):
    token: str = msgspec.field(default="", name="continue")


class _Status(msgspec.Struct, frozen=True):
    message: str = ""
    metadata: _StatusMetadata = _StatusMetadata()


class Server:
    """Asks one cluster. Several threads may ask at once."""

    def __init__(self, access: Access, patience: Patience) -> None:
        self.context, self.url = access.context, access.server
        self._access, self._patience = access, patience
        self._timeout = urllib3.Timeout(connect=patience.connect, read=patience.read)
        self._lock = threading.Lock()
        self._answered, self._unanswered = False, 0
        self._headers = {"User-Agent": f"ambimigrate/{__version__}"}
        if urlsplit(access.server).hostname not in _LOOPBACK:
            self._headers["Accept-Encoding"] = "gzip"  # a tenth of the bytes for a second of CPU in 15,000 pods

    def get(self, path: str, accept: str = JSON) -> bytes:
        """The body of the answer; Failed after as many tries as the kind of failure deserves."""
        return self._insist(lambda: self._ask("GET", path, accept))

    def review(self, path: str, question: Mapping[str, Any]) -> bytes:
        """The answer of the server to a question about whoever asks."""
        if path.rpartition("/")[2] not in _REVIEWS:
            raise ValueError(f"{path} is no review")  # of ours: nothing else is ever sent but GET
        body = msgspec.json.encode(question)
        return self._insist(lambda: self._ask("POST", path, JSON, body))

    def _insist(self, ask: Callable[[], bytes | Failed]) -> bytes:
        tries = 0
        while True:
            answer = ask()
            if isinstance(answer, bytes):
                return answer
            tries += 1
            if tries >= self._tries(answer):
                raise answer
            pause = min(self._patience.pause * 2 ** (tries - 1), self._patience.longest)
            time.sleep(min(pause if answer.after is None else answer.after, self._patience.most))

    def _tries(self, failed: Failed) -> int:
        if failed.status == 0:
            return self._patience.silent if self._answered and self._unanswered < _GONE_SILENT else 1
        if failed.status not in _BUSY:
            return 1
        return self._patience.busy if failed.status == _TOO_MANY else self._patience.failing

    def _ask(self, method: str, path: str, accept: str, body: bytes | None = None) -> bytes | Failed:
        if self._unanswered >= _GONE_SILENT:
            return Failed(0, "not asked, since the server has stopped answering")
        headers = {**self._headers, **self._access.identity(), "Accept": accept}
        if body is not None:
            headers["Content-Type"] = JSON
        try:
            answer = self._access.pool.request(
                method, self.url + path, body=body, headers=headers, timeout=self._timeout, retries=False
            )
        except (exceptions.HTTPError, OSError) as error:
            if self._is_silence(error):
                with self._lock:
                    self._unanswered += 1
            return Failed(0, self._why(error))
        with self._lock:
            self._answered, self._unanswered = True, 0
        return answer.data if answer.status in {_FOUND, _CREATED} else _failed(answer)

    @staticmethod
    def _is_silence(error: Exception) -> bool:
        return isinstance(error, exceptions.TimeoutError | exceptions.ConnectTimeoutError | exceptions.NewConnectionError)

    def _why(self, error: Exception) -> str:
        match error:
            case exceptions.NewConnectionError():
                pass  # a subclass of ConnectTimeoutError that is no time-out
            case exceptions.ConnectTimeoutError():
                return f"no connection after {self._patience.connect:g} s"
            case exceptions.ReadTimeoutError():
                return f"no answer after {self._patience.read:g} s"
        text = _OBJECT.sub("", " ".join(str(error).split()))
        return text.removeprefix("Failed to establish a new connection: ") or type(error).__name__


def _failed(answer: urllib3.BaseHTTPResponse) -> Failed:
    after = answer.headers.get("Retry-After", "")
    pause = float(after) if after.isdecimal() else None
    try:
        status = msgspec.json.decode(answer.data, type=_Status)
    except msgspec.DecodeError:
        text = " ".join(answer.data.decode(errors="replace").split())
        return Failed(answer.status, text[:200] if text and not text.startswith("<") else f"answer {answer.status}", "", pause)
    return Failed(answer.status, status.message or f"answer {answer.status}", status.metadata.token, pause)
