"""Which documents become objects, of which kind, and what is only counted."""

from __future__ import annotations

import pytest

from ambimigrate.decode import Decoder, Reading
from ambimigrate.kinds import KINDS, IstioGateway, Service
from ambimigrate.layout import lay_out
from ambimigrate.model import Target
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from ambimigrate.yamlio.wrong import route

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)


def decoded(*texts: str, namespace: str = "") -> Reading:
    decoder = Decoder(lay_out((), ()), namespace)
    for number, text in enumerate(texts):
        decoder.add(f"f{number}.yaml", text)
    return decoder.reading(TARGET)


def refs(reading: Reading) -> list[str]:
    return [f"{each.ref.group}:{each.ref}" for each in reading.meshes[0].resources]


@pytest.mark.parametrize("group_kind", sorted(KINDS), ids=":".join)
def test_every_served_version_of_a_kind_is_that_kind(group_kind: tuple[str, str]) -> None:
    group, kind = group_kind
    view = KINDS[group_kind]
    versions = {*view.VERSIONS, "v1", "v1beta1", "v1alpha3", "v1alpha2"}
    texts = [f"apiVersion: {group}{'/' * bool(group)}{version}\nkind: {kind}\nmetadata: {{name: a}}\n" for version in versions]
    reading = decoded(*(f"{text}# {view.NEEDS_TEXT}\n" for text in texts))
    assert not reading.problems
    assert {type(each.body) for each in reading.meshes[0].resources} == {view}
    assert reading.counts.objects == {kind: len(versions)}


@pytest.mark.parametrize(
    "head",
    [
        "apiVersion: policy.linkerd.io/v1alpha1\nkind: AuthorizationPolicy",
        "apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualService",
        "apiVersion: v1beta1\nkind: VirtualService",
        "apiVersion: example.com/v1\nkind: Gateway",
    ],
)
def test_a_kind_of_that_name_in_another_group_is_another_kind(head: str) -> None:
    reading = decoded(f"{head}\nmetadata: {{name: a}}\n")
    assert refs(reading) == []
    assert reading.counts.skipped == {"other kinds": 1}
    assert [problem.message for problem in reading.problems] == ["nothing was read: no object of a kind that matters here"]


def test_gateways_of_two_groups_are_two_kinds() -> None:
    reading = decoded(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\n",
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: a}\n",
    )
    assert len(reading.meshes[0].of(IstioGateway)) == 1
    assert reading.counts.objects == {"Gateway": 2}


@pytest.mark.parametrize(
    "text",
    [
        "kind: Service\napiVersion: v1\nmetadata: {name: a}\n",
        "\ufeffapiVersion: v1\r\nkind: Service\r\nmetadata:\r\n  name: a\r\n",
        "# head\n\n---\n# comment\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n",
        '{\n\t"apiVersion": "v1",\n\t"kind":\t"Service",\n\t"metadata": {"name": "a"}\n}',
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n",
        "apiVersion: v1\nkind: ServiceList\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n",
        "apiVersion: v1\nkind: &k Service\nmetadata: &m {name: a}\n",
        "apiVersion: v1\nkind: !!str Service\nmetadata: {name: a, labels: }\n",
        "base: &b {apiVersion: v1, kind: Service}\n<<: *b\nmetadata: {name: a}\n",
        "apiVersion: v1\n'kind' : \"Service\"\nmetadata: {name: a, creationTimestamp: null}\nstatus: {loadBalancer: {}}\n",
        "%YAML 1.1\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n",
    ],
)
def test_all_forms_of_one_object(text: str) -> None:
    reading = decoded(text)
    assert reading.problems == ()
    assert refs(reading) == [":Service a"]
    assert reading.counts.objects == {"Service": 1}


def test_namespace_of_objects_that_name_none() -> None:
    texts = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: own}\n",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: c}\n",
    )
    assert refs(decoded(*texts, namespace="given")) == [":Service given/a", ":Service own/b", ":Namespace c"]


def test_position_of_an_item_of_a_list() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n  spec:\n    type: x\n"
    )
    (service,) = decoded(text).meshes[0].of(Service)
    assert service.at("spec", "type") == ("f0.yaml", 8, 5, ("spec", "type"))
    assert service.at() == ("f0.yaml", 4, 3, ())


def test_templates_in_metadata_are_not_rendered() -> None:
    reading = decoded('apiVersion: v1\nkind: Service\nmetadata: {name: "{{ .Values.name }}"}\n')
    assert reading.counts.not_rendered == ["f0.yaml"]
    assert reading.problems == ()
    assert refs(reading) == []


def test_route_of_a_message_of_msgspec() -> None:
    assert route("`$.spec.http[0].timeout`".strip("`")) == ("spec", "http", 0, "timeout")
    assert route("$.data[...]") == ("data",)


def test_directives_of_strategic_merge_patches_are_no_objects() -> None:
    reading = decoded(
        "apiVersion: v1\nkind: Service\nmetadata: {name: gone}\n$patch: delete\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{$patch: replace}, {port: 1}]}\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: kept, annotations: {note: 'a $patch of words'}}\n",
    )
    assert [each.name for each in reading.meshes[0].resources] == ["kept"]
    assert reading.counts.objects == {"Service": 3}
