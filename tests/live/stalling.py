"""A relay in front of a server that stops passing on its answers after so many bytes, as a network that breaks does."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.live.apiserver import ApiServer

_NEVER = 1 << 40


class Relay:
    """Passes bytes on in both directions; `stalled` is set when it has stopped."""

    def __init__(self, server: ApiServer, limit: int = _NEVER) -> None:
        self.passed, self.stalled, self._limit = 0, threading.Event(), limit
        url = urlsplit(server.url)
        self._to = str(url.hostname), int(url.port or 443)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(self._to)
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while data := source.recv(16_384):
                self.passed += len(data) if is_answer else 0
                if self.passed > self._limit:
                    self.stalled.set()
                    return  # both ends stay open
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def relayed(server: ApiServer, limit: int = _NEVER) -> Iterator[tuple[Relay, Path]]:
    """The relay and a kubeconfig that leads through it."""
    relay = Relay(server, limit)
    cluster = {**server.config["clusters"][0]["cluster"], "server": relay.url}
    path = server.folder / "kubeconfig-relayed"
    path.write_text(json.dumps({**server.config, "clusters": [{"name": "test", "cluster": cluster}]}))
    try:
        yield relay, path
    finally:
        relay.close()
