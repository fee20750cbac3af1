"""The next page of a list, fetched while the one before it is decoded."""

from __future__ import annotations

from threading import Thread

from ambimigrate.sources.cluster_server import Server

_CONTINUE = b'"continue":"'
_HEAD = 2_000  # bytes in which the metadata of a list stands; custom resources have theirs behind the items


def told_token(body: bytes) -> str:
    """The token of the page behind this one if it stands before the items, else ""."""
    head = body[:_HEAD].partition(b'"items":')[0]
    return head.partition(_CONTINUE)[2].partition(b'"')[0].decode("ascii", "ignore")


class Ahead:
    """A page that is being fetched."""

    def __init__(self, server: Server, token: str, url: str) -> None:
        self.token = token
        self._server, self._url = server, url
        self._body: bytes | None = None
        self._error: Exception | None = None
        self._thread = Thread(target=self._fetch, daemon=True)
        self._thread.start()

    def body(self) -> bytes:
        """What came; Failed and others as if it were asked for now."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._body or b""

    def _fetch(self) -> None:
        try:
            self._body = self._server.get(self._url)
        except Exception as error:  # raised where somebody waits for it
            self._error = error
