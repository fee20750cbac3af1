"""The next page of a list is fetched while one is decoded, where its token stands in front of the items."""

from __future__ import annotations

import json
from typing import Any

from ambimigrate.kinds import Service, VirtualService
from ambimigrate.sources import cluster_lists
from ambimigrate.sources.cluster_ahead import told_token
from ambimigrate.sources.cluster_lists import Listing
from ambimigrate.sources.cluster_server import Failed, Server

EXPIRED = Failed(410, "too old", "newer")


def page(token: str, *names: str, last: bool = False) -> bytes:
    metadata = {"metadata": {"resourceVersion": "7", **({"continue": token} if token else {})}}
    items = {"items": [{"metadata": {"name": each, "namespace": "shop"}} for each in names]}
    head: dict[str, Any] = {"kind": "ServiceList", "apiVersion": "v1"}
    return json.dumps({**head, **items, **metadata} if last else {**head, **metadata, **items}, separators=(",", ":")).encode()


class Pages(Server):
    """Answers as it was told to, by the token that is asked for; a list of answers is used up."""

    def __init__(self, answers: dict[str, bytes | list[bytes | Failed]]) -> None:
        self.answers, self.asked = answers, list[str]()

    def get(self, path: str, accept: str = "application/json") -> bytes:
        token = path.partition("&continue=")[2]
        self.asked.append(token)
        found = self.answers[token]
        answer = found.pop(0) if isinstance(found, list) else found
        if isinstance(answer, Failed):
            raise answer
        return answer


def read(server: Server, view: type[Service] | type[VirtualService] = Service) -> tuple[list[str], Failed | None]:
    counts: list[int] = []
    listed = cluster_lists.read(server, Listing(view.__name__, view, "v1"), counts.append)
    assert sum(counts) >= len(listed.resources)
    return [each.name for each in listed.resources], listed.failed


def test_the_token_in_front_of_the_items() -> None:
    assert told_token(page("abc", "one")) == "abc"
    assert told_token(page("", "one")) == ""
    assert told_token(page("abc", "one", last=True)) == ""  # custom resources
    assert told_token(b'{"kind":"ServiceList","metadata":{},"items":[{"metadata":{"labels":{"continue":"x"}}}]}') == ""


def test_each_page_is_asked_for_once() -> None:
    server = Pages({"": page("b", "one"), "b": page("c", "two"), "c": page("", "three")})
    assert read(server) == (["one", "two", "three"], None)
    assert server.asked == ["", "b", "c"]
    server = Pages({"": page("b", "one", last=True), "b": page("", "two", last=True)})
    assert read(server, VirtualService) == (["one", "two"], None)
    assert server.asked == ["", "b"]


def test_a_page_that_fails_ahead_fails_as_any_other() -> None:
    gone = Failed(500, "broken")
    assert read(Pages({"": page("b", "one"), "b": [gone]})) == (["one"], gone)


def test_a_list_that_expires_ahead_begins_anew() -> None:
    server = Pages({"": page("b", "one"), "b": [EXPIRED, page("", "two")]})
    assert read(server) == (["one", "two"], None)
    server = Pages({"": page("b", "one"), "b": [EXPIRED, EXPIRED], "newer": page("", "three")})
    assert read(server) == (["one", "three"], None)
