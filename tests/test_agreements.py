"""What a user agrees to: options and configuration become one value, and what is out of date no longer counts."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from ambimigrate.cli.agreements import settings
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.kinds import KINDS
from ambimigrate.model import Ref, Resource
from ambimigrate.sources.config import ConfigError, load
from ambimigrate.yamlio import Document

SERVICE = KINDS["", "Service"]


def service(namespace: str, name: str) -> Resource[object]:
    return Resource(Ref("Service", "", namespace, name), SERVICE(), Document("a.yaml", 0, 1, ""))


def config(folder: Path, text: str) -> Path:
    path = folder / ".ambimigrate.yaml"
    path.write_text(text)
    return path


def test_options_name_the_difference_and_the_object() -> None:
    found = settings(None, ["VS901:shop/cart", "AP901:pay/*"])
    assert found.accepted == (Accepted("VS901", "shop", "cart"), Accepted("AP901", "pay", "*"))
    assert found.accepts("VS901", service("shop", "cart"))
    assert found.accepts("AP901", service("pay", "any"))
    assert not found.accepts("VS901", service("shop", "other"))
    assert not found.accepts("AP901", service("shop", "cart"))


@pytest.mark.parametrize("text", ["VS901", "VS901:shop", "VS901:/cart", "VS001:shop/cart", "XX999:shop/cart"])
def test_a_faulty_agreement_is_a_usage_error(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        settings(None, [text])


def test_services_whose_virtual_services_stay() -> None:
    found = settings(None, (), ["shop/cart", "pay/*"])
    assert found.keeps("shop", "cart")
    assert found.keeps("pay", "any")
    assert not found.keeps("shop", "other")
    with pytest.raises(typer.BadParameter):
        settings(None, (), ["cart"])


def test_the_configuration_agrees_with_a_reason_and_for_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """\
accept:
  - {id: VS901, namespace: shop, name: cart, because: one caller only}
  - {id: AP901, namespace: shop, name: old, because: until the move, until: 2020-02-01}
closeDirectAccess: true
keepVirtualServices: [shop/cart]
waypoints: service
gateways: true
"""
    found = settings(load(config(tmp_path, text)), ["AP902:pay/*"])
    assert found == Settings(
        (Accepted("AP902", "pay", "*"), Accepted("VS901", "shop", "cart")),
        True,
        frozenset({"shop/cart"}),
        "service",
        gateways=True,
    )
    assert "until 2020-02-01" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accept: [{id: VS901, namespace: a, name: b}]", "'because' is a required property"),
        ("accept: [{id: VS901, namespace: a, name: b, because: c, until: soon}]", "until"),
        ("accept: [{id: VS901, namespace: a, name: b, becuase: c, because: d}]", "did you mean 'because'?"),
        ("waypoints: many", "waypoints"),
        ("gateways: some", "gateways"),
    ],
)
def test_a_faulty_configuration_names_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(config(tmp_path, text))


def test_an_unknown_reason_in_the_configuration_ends_the_command(tmp_path: Path) -> None:
    known = load(config(tmp_path, "accept: [{id: VS999, namespace: a, name: b, because: c}]"))
    with pytest.raises(typer.Exit):
        settings(known)
