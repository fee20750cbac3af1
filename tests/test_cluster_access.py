"""Ways into a cluster that lead nowhere, each with one clear message, and the command line on a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ambimigrate.kinds import KINDS
from ambimigrate.sources.cluster import ClusterError, Where, read_cluster
from tests.clusters import QUICK, TARGET, assert_only_reads
from tests.conftest import FIXTURES
from tests.fakecluster import Answer, FakeCluster, always, forbidden, manifest, serving, status, write_kubeconfig

SERVICE = manifest("Service", "cart", "shop", spec={"ports": [{"port": 80}]})
PLURALS = [f"{view.PLURAL}.{view.GROUP}".rstrip(".") for view in KINDS.values()]


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test finds the kubeconfig of whoever runs it, or takes itself for a pod."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with serving(FakeCluster([SERVICE])) as served:
        yield served


def failure(kubeconfig: str = "", context: str = "", namespaces: tuple[str, ...] = ()) -> str:
    with pytest.raises(ClusterError) as caught:
        read_cluster(Where(context, kubeconfig, namespaces), TARGET, patience=QUICK)
    return str(caught.value)


def test_there_is_no_kubeconfig(tmp_path: Path) -> None:
    assert failure().startswith("there is no kubeconfig at ~/.kube/config")
    assert failure(str(tmp_path / "absent")).startswith(f"there is no kubeconfig at {tmp_path / 'absent'}")


def test_a_pod_without_a_service_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert failure() == "there is no kubeconfig, and no service account of a pod either: Service token file does not exist."


def test_contexts_that_are_not_there_or_not_chosen(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path, "http://127.0.0.1:1", "dev", {})
    assert failure(path, "prod") == f"{path} has no context 'prod' (known: dev)"
    write_kubeconfig(tmp_path, "http://127.0.0.1:1", "", {})
    assert failure(path).startswith(f"{path} has no current context; name one by --context")


def test_the_first_kubeconfig_that_names_something_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster
) -> None:
    for name, server in (("one", cluster.url), ("two", "http://127.0.0.1:1")):
        (tmp_path / name).mkdir()
        write_kubeconfig(tmp_path / name, server, "same", {"token": cluster.token})
    paths = [tmp_path / "absent", tmp_path / "one/kubeconfig", tmp_path / "two/kubeconfig"]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, paths)))
    assert read_cluster(Where(), TARGET, patience=QUICK).counts.objects == {"Service": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contexts: [", "kubeconfig:2: not valid YAML: did not find expected node content"),
        ("contexts: many", ": Expected `array`, got `str` - at `$.contexts`"),
        ("", " has no current context; name one by --context (known: none)"),
        ("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]", "names user 'u', whom "),
        ("current-context: a\ncontexts: [{name: a, context: {cluster: c}}]", "Expected object with name c in"),
        (
            "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {as: root}}]",
            "context 'a' acts as 'root' (`as:`), which the Kubernetes client for Python does not do",
        ),
    ],
)
def test_kubeconfigs_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    assert message in failure(str(path))


def test_a_kubeconfig_that_cannot_be_read(tmp_path: Path) -> None:
    assert failure(str(tmp_path)) == f"kubeconfig {tmp_path} cannot be read: Is a directory"


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path, "http://127.0.0.1:1", "a", {"token": "x"})
    message = "context 'a' (http://127.0.0.1:1) cannot be reached: [Errno 111] Connection refused"
    assert failure(path) == message


def test_a_server_of_something_else(tmp_path: Path, cluster: FakeCluster) -> None:
    for body in ("<html>Hello</html>", "{}"):
        cluster.tricks["apis"] = always(Answer(200, body))
        assert failure(cluster.kubeconfig(tmp_path)).endswith(f"{cluster.url} is no API server of Kubernetes")


def test_a_wrong_token(tmp_path: Path, cluster: FakeCluster) -> None:
    message = f"context 'test' ({cluster.url}): the server does not accept the credentials: Unauthorized"
    assert failure(cluster.kubeconfig(tmp_path, token="wrong")) == message


def test_no_credentials(tmp_path: Path, cluster: FakeCluster) -> None:
    path = write_kubeconfig(tmp_path, cluster.url, "test", {})
    assert failure(path).startswith(f"context 'test' ({cluster.url}): the credentials gave no identity: User")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-plugin", "No such file or directory: 'no-such-plugin'"),
        (["sh", "-c", "echo token expired >&2; exit 3"], "exec: process returned 3. token expired"),
        (["sh", "-c", "echo '{'"], "exec: failed to decode process output"),
    ],
)
def test_a_credential_plugin_that_fails(tmp_path: Path, cluster: FakeCluster, command: str | list[str], reason: str) -> None:
    name, *arguments = [command] if isinstance(command, str) else command
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": name, "args": arguments}
    message = failure(cluster.kubeconfig(tmp_path, exec=plugin))
    assert message.startswith(f"context 'test': the credential plugin {name!r} failed: ")
    assert reason in message
    assert not cluster.requests


def test_a_credential_plugin_that_works(tmp_path: Path, cluster: FakeCluster) -> None:
    version = "client.authentication.k8s.io/v1"
    answer = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": {"token": cluster.token}})
    plugin = {"apiVersion": version, "command": "echo", "args": [answer]}
    found = read_cluster(Where(kubeconfig=cluster.kubeconfig(tmp_path, exec=plugin)), TARGET, patience=QUICK)
    assert found.counts.objects == {"Service": 1}


def test_somebody_who_may_list_nothing(tmp_path: Path, cluster: FakeCluster) -> None:
    cluster.tricks = {name: always(forbidden(name)) for name in PLURALS}
    message = failure(cluster.kubeconfig(tmp_path))
    assert message.startswith(f"context 'test' ({cluster.url}) may list nothing: ")
    assert message.endswith("`ambimigrate rbac` prints the role that is needed; -n reads one namespace")
    cluster.tricks = {name: always(forbidden(name, "system:anonymous")) for name in PLURALS}
    assert "the credentials gave no identity" in failure(cluster.kubeconfig(tmp_path))


def test_where_discovery_is_refused_every_kind_is_tried(tmp_path: Path, cluster: FakeCluster) -> None:
    cluster.tricks["apis"] = always(status(403, 'User "reader" cannot get path "/apis"'))
    cluster.missing = frozenset({"TCPRoute"})
    found = read_cluster(Where(kubeconfig=cluster.kubeconfig(tmp_path)), TARGET, patience=QUICK)
    assert [each.message.partition(":")[0] for each in found.problems] == [
        "the kinds that are served cannot be seen, so all were tried"
    ]
    assert found.counts.objects == {"Service": 1}
    assert found.counts.skipped == {"not served: TCPRoute": 1}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ambimigrate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def test_scan_without_a_path_reads_the_current_context(tmp_path: Path, cluster: FakeCluster) -> None:
    done = run("scan", "--format", "json", KUBECONFIG=cluster.kubeconfig(tmp_path))
    assert (done.returncode, done.stderr) == (1, "")  # the Gateway API is not there
    report = json.loads(done.stdout)
    assert (report["input"]["source"], report["input"]["objects"]) == ("cluster", {"Service": 1})
    assert_only_reads(cluster.requests)


def test_a_cluster_that_cannot_be_read_is_one_line_and_exit_2(tmp_path: Path, cluster: FakeCluster) -> None:
    path = cluster.kubeconfig(tmp_path)
    done = run("scan", "--kubeconfig", path, "--context", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: {path} has no context 'nowhere' (known: test)\n"


def test_a_refusal_is_exit_2_with_the_results(tmp_path: Path, cluster: FakeCluster) -> None:
    cluster.tricks["jobs.batch"] = always(forbidden("jobs"))
    done = run("scan", KUBECONFIG=cluster.kubeconfig(tmp_path))
    assert done.returncode == 2
    assert 'Job cannot be listed: jobs is forbidden: User "reader"' in " ".join(done.stdout.split())
    assert "1 Service" in done.stdout


@pytest.mark.parametrize("command", [["scan", str(FIXTURES / "repos/shop/apps/sessions")], ["rbac"], ["rules"], ["--help"]])
def test_nothing_but_a_cluster_imports_its_client(command: list[str]) -> None:
    code = (
        f"import sys; sys.argv[1:] = {command!r}\n"
        "from ambimigrate.__main__ import main\n"
        "try: main()\n"
        "finally: print(sorted({'kubernetes', 'urllib3', 'multiprocessing'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "[]"


def test_rbac_prints_what_kubectl_applies() -> None:
    done = run("rbac", "--istio-namespace", "mesh")
    assert done.returncode == 0
    roles = list(yaml.safe_load_all(done.stdout))
    assert [(role["kind"], role["metadata"].get("namespace")) for role in roles] == [
        ("ClusterRole", None),
        ("Role", "mesh"),
        ("Role", "kube-system"),
    ]


def test_a_shell_completes_contexts(tmp_path: Path, cluster: FakeCluster) -> None:
    asked = {"_AMBIMIGRATE_COMPLETE": "complete_bash", "COMP_WORDS": "ambimigrate scan --context ", "COMP_CWORD": "3"}
    done = run(KUBECONFIG=cluster.kubeconfig(tmp_path, context="east"), **asked)
    assert (done.returncode, done.stdout) == (0, "east\n")


def completed(words: str, **environment: str) -> list[str]:
    asked = {"_AMBIMIGRATE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    done = run(**environment, **asked)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_a_shell_completes_contexts_of_the_kubeconfig_that_was_named(tmp_path: Path, cluster: FakeCluster) -> None:
    file = cluster.kubeconfig(tmp_path, context="east")
    assert completed(f"ambimigrate scan --kubeconfig {file} --context e", KUBECONFIG=str(tmp_path / "none")) == ["east"]


def test_a_shell_completes_namespaces_of_the_cluster(tmp_path: Path, cluster: FakeCluster) -> None:
    cluster.objects += [manifest("Namespace", name) for name in ("cart", "payment")]
    file = cluster.kubeconfig(tmp_path, context="east")
    assert completed("ambimigrate scan -n p", KUBECONFIG=file) == ["payment"]
    assert completed("ambimigrate plan --context east -n ", KUBECONFIG=file) == sorted(names(cluster))
    assert completed(f"ambimigrate scan {tmp_path} -n p", KUBECONFIG=file) == []  # the namespace of files
    assert completed("ambimigrate scan --context west -n ", KUBECONFIG=file) == []
    assert_only_reads(cluster.requests)


def names(cluster: FakeCluster) -> list[str]:
    return [each["metadata"]["name"] for each in cluster.objects if each["kind"] == "Namespace"]
