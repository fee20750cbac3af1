"""Whatever stands in a file, reading and judging it never raises, and what else is there is read."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ambimigrate.report import report
from ambimigrate.sources.read import read_files
from tests.test_bad_input import GOOD, TARGET

PIECES = st.sampled_from(
    [
        "apiVersion: v1\n",
        "kind: Service\n",
        "kind: VirtualService\n",
        "kind: List\n",
        "items:\n",
        "apiVersion: networking.istio.io/v1\n",
        "metadata:\n",
        "  name: a\n",
        "  labels: {a: b}\n",
        "spec:\n",
        "- ",
        "  http: [",
        "hosts: ",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "&a ",
        "*a\n",
        "<<: ",
        "? ",
        ": ",
        "!!str ",
        "{{ .Values.x }}\n",
        "\t",
        "\r\n",
        "\ufeff",
        "\u2028",
        "|\n",
        "{",
        "}",
        "]",
        "'",
        '"',
        "#",
        "~\n",
        "1\n",
    ]
)


def whole(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "bad.yaml").write_bytes(content)
        (path / "kustomization.yaml").write_bytes(content)
        (path / "good.yaml").write_text(GOOD, encoding="utf-8")
        reading = read_files([folder], TARGET)
        assert any("good" in each.name for each in reading.meshes[0].resources)
        report(reading)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes(content: bytes) -> None:
    whole(content)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.text(max_size=4), max_size=14))
def test_any_text(pieces: list[str]) -> None:
    whole("".join(pieces).encode(errors="replace"))


FIELDS = st.sampled_from(
    [
        "metadata",
        "name",
        "namespace",
        "labels",
        "annotations",
        "spec",
        "hosts",
        "http",
        "tcp",
        "tls",
        "route",
        "match",
        "destination",
        "host",
        "port",
        "number",
        "selector",
        "matchLabels",
        "rules",
        "from",
        "to",
        "source",
        "operation",
        "template",
        "containers",
        "ports",
        "servers",
        "data",
        "mesh",
        "values",
        "meshConfig",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1 << 70) | st.floats() | st.sampled_from(["", "*", "mesh", "a.b", "\ud83d"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(
    VALUES,
    VALUES,
    st.sampled_from(
        [
            "v1/Service",
            "v1/Namespace",
            "v1/ConfigMap",
            "apps/v1/Deployment",
            "networking.istio.io/v1/VirtualService",
            "networking.istio.io/v1/Sidecar",
            "security.istio.io/v1/AuthorizationPolicy",
            "install.istio.io/v1alpha1/IstioOperator",
            "gateway.networking.k8s.io/v1/HTTPRoute",
            "networking.k8s.io/v1/NetworkPolicy",
        ]
    ),
)
def test_any_object(metadata: object, spec: object, kind: str) -> None:
    version, _, name = kind.rpartition("/")
    tree = {"apiVersion": version, "kind": name, "metadata": metadata, "spec": spec, "data": spec}
    whole(json.dumps(tree).encode(errors="replace"))
