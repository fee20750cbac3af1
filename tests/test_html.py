"""The HTML report as text: one file, nothing loaded, everything escaped, every finding on it, and small enough."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from ambimigrate.model import Problem, Suppression
from ambimigrate.render.html import layered
from ambimigrate.render.html.markup import data, el, shown, text
from ambimigrate.render.html.values import Page
from tests import pages

VOID = {"br", "input", "link", "meta"}


class Tree(HTMLParser):
    """Elements and texts of a page; a tag that is not closed where it should be is an error."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self.open and self.open[-1] in {"script", "style"} else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def scanned() -> str:
    return pages.scan_page(pages.demo())


@pytest.fixture(scope="module")
def planned() -> str:
    return pages.plan_page(pages.demo(), pages.demo_plan())


@pytest.fixture(params=["scanned", "planned"])
def page(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


def test_the_page_loads_nothing_and_runs_only_its_own_script(page: str) -> None:
    tree = Tree(page)
    assert not re.search(r"<[a-z]+[^>]*\s(?:src|srcset|style|on\w+)=", page)
    assert [each["href"] for each in tree.all("link")] == ["data:,"]
    style, known, script = tree.scripts
    assert "url(" not in style
    assert "@import" not in style
    policy = next(each["content"] for each in tree.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    for content, name in ((style, "style-src"), (script, "script-src")):
        digest = b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in str(policy)
    assert str(policy).startswith("default-src 'none'")
    assert "unsafe" not in str(policy)
    assert json.loads(known)["meshes"]


def test_anchors_are_there_and_ids_are_unique(page: str) -> None:
    tree = Tree(page)
    ids = [each["id"] for _, each in tree.elements if each.get("id")]
    assert len(ids) == len(set(ids))
    links = [str(each["href"]) for each in tree.all("a")]
    assert {each[1:] for each in links if each.startswith("#")} <= set(ids)
    assert all(each.startswith(("#", "https://")) for each in links)


def test_structure_is_that_of_a_document(page: str) -> None:
    tree = Tree(page)
    for tag in ("main", "nav", "header", "h1", "title"):
        assert len([each for each in tree.all(tag)]) >= 1
    assert len(tree.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in tree.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
    assert len(tree.all("caption")) == len(tree.all("table"))
    assert all(each.get("scope") for each in tree.all("th"))
    ids = {each.get("id") for _, each in tree.elements}
    labels = {each["for"] for each in tree.all("label") if "for" in each}
    assert labels <= ids
    controls = [each for tag in ("input", "select") for each in tree.all(tag) if each.get("type") != "checkbox"]
    assert all(each["id"] in labels for each in controls)
    pictures = [each for each in tree.all("svg") if each.get("role") == "img"]
    assert pictures
    assert all(set(str(each["aria-labelledby"]).split()) <= ids for each in pictures)


def test_every_finding_is_on_the_page(page: str) -> None:
    tree = Tree(page)
    assert len([each for each in tree.all("li") if "data-n" in each]) == len(pages.demo().findings)
    for each in pages.demo().findings:
        assert shown(each.hit.message) in tree.text
        assert shown(str(each.ref)) in tree.text
        assert each.fix in tree.text


def test_a_plan_shows_all_that_it_says(planned: str) -> None:
    tree = Tree(planned)
    for step in pages.demo_plan().waves[0].steps:
        for line in (step.title, *step.files, *step.commands, *step.gate, *step.undo, step.unenforced):
            assert line in tree.text
    for words in (
        "it falls by half",
        "istio_requests_total",
        "cart and payment call each other",
        "clients first",
        "servers first",
    ):
        assert words in tree.text
    assert all(f"reason {number}" in tree.text for number in range(9))
    assert "cart, payment" in tree.text
    assert "frontend calls cart: VirtualService frontend/api" in tree.text
    assert "payment/payment-callers" in tree.text


def test_policies_are_told_before_and_after(planned: str) -> None:
    tree = Tree(planned)
    tables = re.findall(r'<table class="truth">.*?</table>', planned, re.DOTALL)
    assert len(tables) > 10
    assert "allowed" in tree.text
    assert "refused" in tree.text


def test_a_scan_says_what_it_does_not_compute(scanned: str) -> None:
    assert "Not computed by scan" in Tree(scanned).text


def test_problems_come_first() -> None:
    broken = replace(pages.demo(), problems=(Problem("mapping values are not allowed here", "a.yaml", 3),))
    found = pages.scan_page(broken)
    sections = re.findall(r'<section[^>]* id="([a-z]+)"', found)
    assert sections[0] == "problems"
    assert "a.yaml:3" in found
    assert '<section id="problems"' not in pages.scan_page(replace(broken, problems=()))


def test_suppressed_findings_say_why() -> None:
    first, *rest = pages.demo().findings
    hushed = replace(first, suppressed=Suppression("comment", "known and accepted", "2030-01-01"))
    tree = Tree(pages.scan_page(replace(pages.demo(), findings=(hushed, *rest))))
    assert "known and accepted (comment, until 2030-01-01)" in tree.text


def test_nothing_found_is_a_page_too() -> None:
    empty = replace(pages.demo(), findings=(), namespaces=(), advice=(), meshes=pages.demo().meshes[:1])
    tree = Tree(pages.scan_page(empty))
    assert "No finding." in tree.text
    assert "No namespace of the mesh was read." in tree.text


def test_the_same_input_makes_the_same_page(scanned: str, planned: str) -> None:
    assert pages.scan_page(pages.demo()) == scanned
    assert pages.plan_page(pages.demo(), pages.demo_plan()) == planned


# --- hostile text ---------------------------------------------------------------------------------------------------


def test_hostile_names_stay_in_their_fields(tmp_path: Path) -> None:
    made = pages.hostile(tmp_path)
    for found in (pages.scan_page(made), pages.plan_page(made, pages.hostile_plan())):
        tree = Tree(found)
        assert len(tree.scripts) == 3
        assert not {tag for tag, _ in tree.elements} & {"img", "b", "object", "iframe"}
        assert not [name for _, attributes in tree.elements for name in attributes if name.startswith("on")]
        assert not re.search("[\x00-\x09\x0b-\x1f\u200b\u2028-\u202e]", found)
        for each in pages.HOSTILE:
            assert shown(each) in tree.text
        assert {box[0] for mesh in json.loads(tree.scripts[1])["meshes"] for box in mesh["boxes"]} >= set(
            map(shown, pages.HOSTILE)
        )


@pytest.mark.parametrize("value", pages.HOSTILE)
def test_text_is_what_it_was(value: str) -> None:
    found = Tree(el("p", value, title=value))
    assert "".join(found.texts) == shown(value) == found.all("p")[0]["title"]
    assert text(text(value)) == text(value)


@pytest.mark.parametrize("value", pages.HOSTILE)
def test_data_cannot_end_its_element(value: str) -> None:
    found = data({value: [value]})
    assert json.loads(found) == {value: [value]}
    assert not re.search("[<>&\u2028\u2029]", found)


# --- size -----------------------------------------------------------------------------------------------------------


def test_a_thousand_namespaces_stay_under_five_megabytes(tmp_path: Path) -> None:
    made = pages.large(tmp_path, 1000)
    assert len(made.findings) > 5000
    for found in (pages.scan_page(made), pages.plan_page(made, pages.demo_plan())):
        assert len(found.encode()) < 5_000_000


def test_what_there_is_no_room_for_is_counted(tmp_path: Path) -> None:
    made = pages.large(tmp_path, 40)
    many = replace(made, findings=made.findings * 40)
    tree = Tree(pages.scan_page(many))
    rows = len([each for each in tree.all("li") if "data-n" in each])
    counted = sum(int(number) for number in re.findall(r"(\d+) more findings?, by namespace", tree.text))
    assert counted
    assert rows + counted == len(many.findings)
    assert "Only counted here" in tree.text


# --- places of boxes ------------------------------------------------------------------------------------------------


def test_callers_stand_left_and_boxes_apart() -> None:
    links = [("a", "b"), ("b", "c"), ("a", "c"), ("a", "d"), ("d", "c"), ("c", "e")]
    found = layered.layout("abcde", links)
    assert all(found.at[caller][0] < found.at[callee][0] for caller, callee in links)
    assert len(found.bends["a", "c"]) == found.at["c"][0] - found.at["a"][0] - 1
    by_column: dict[int, list[float]] = {}
    for column, row in found.at.values():
        by_column.setdefault(column, []).append(row)
    for rows in by_column.values():
        assert all(below - above > 0.999 for above, below in zip(sorted(rows), sorted(rows)[1:], strict=False))
    assert layered.layout(reversed("abcde"), reversed(links)) == found


def test_circles_and_nothing_have_places() -> None:
    assert set(layered.layout("abc", [("a", "b"), ("b", "a"), ("b", "c")]).at) == set("abc")
    assert layered.layout((), ()).rows == 0


def test_waves_are_known_by_mesh() -> None:
    page = Page(pages.demo(), pages.demo_plan())
    assert page.waves == {("prod", "recommendation"): 1, ("prod", "sessions"): 1, ("staging", "sessions"): 1}


def test_a_plan_of_one_mesh_shows_no_other() -> None:
    found = pages.demo_plan()
    page = pages.plan_page(pages.demo(), replace(found, waves=found.waves[:1]))
    assert "staging" not in re.sub(r"<(li|code)\b.*?</\1>", "", page, flags=re.DOTALL)
