"""A history of pull requests on the demo repository: for each of them the expected verdict, exit code and deciding line.

Every step is a branch of `main`, judged as GitHub runs the gate; what is merged is the base of the next one. `put` takes a
file of fixtures/history/ and lists it in the kustomization of its folder.
"""

from __future__ import annotations

import shutil

import pytest

from tests.gated import DEMO, Repository, plan
from tests.history import MOVED, Edit, Played, bad, drop, fine, played, put, ran, renamed, reordered, swap, text, unread

PASSED = "passed: nothing stops this change"
INJECTED = "istio-injection injects sidecars into migrated namespace recommendation"
CART, LEGACY, CATALOGUE = (f"apps/{name}/base" for name in ("cart", "legacy", "catalogue"))
NAMESPACE, PODS, POLICIES = (f"{MOVED}/{name}.yaml" for name in ("namespace", "recommendation", "policies"))
MODE, USE = "istio.io/dataplane-mode", "istio.io/use-waypoint"
RECORD = ".ambimigrate/baseline.json"
RECORDED = ("--baseline", RECORD)

DRILL, PORT = put("fault.yaml", CART), put("port-mode.yaml", CATALOGUE)
SETTINGS = text(
    ".ambimigrate.yaml",
    "# migrated: [shop]\nsuppressions:\n- {id: PA001, namespace: catalogue, because: CAT-90, until: 2999-12-31}\n",
)
HUSHED = swap(f"{CATALOGUE}/port-mode.yaml", "Authentication\n", "Authentication # ambimigrate: ignore[PA001] because CAT-90\n")
UNREASONED = swap(f"{CART}/fault.yaml", "VirtualService\n", "VirtualService # ambimigrate: ignore[VS901, VS006]\n")
CONFLICT = ("apiVersion: apps/v1", "<<<<<<< HEAD\napiVersion: apps/v1\n=======\napiVersion: apps/v1beta1\n>>>>>>> cart-2")
BROKEN = text(f"{CART}/notes.yaml", "kind: Service\n  metadata: [\n")
MOVE = (
    put("moved-namespace.yaml", kept="namespace.yaml"),
    drop(f"{MOVED}/virtualservice.yaml"),
    *(put(name) for name in ("waypoint.yaml", "routes.yaml", "policies.yaml")),
)
SIDECARS = swap(NAMESPACE, f"{MODE}: ambient", "istio-injection: enabled")
UNDECLARED = swap(".ambimigrate.yaml", "migrated: [recommendation]", "")
UNGUARDED = swap(POLICIES, "app: recommendation", "app: nothing")
IN_PLACE = put("in-place.yaml", CATALOGUE, kept="access.yaml")
INGRESS = swap(NAMESPACE, '    istio.io/ingress-use-waypoint: "true"\n', "")


def pods(label: str) -> Edit:
    """Gives the pods of the migrated workload a label."""
    labels = "    metadata:\n      labels:\n        app: recommendation\n"
    return swap(PODS, labels, f"{labels}        {label}\n")


def aimed_elsewhere(before: str) -> Edit:
    """Takes the targetRef away that stands before a field."""
    aim = f'spec:\n  targetRefs:\n    - group: ""\n      kind: Service\n      name: recommendation\n  {before}'
    return swap(POLICIES, aim, aim.replace("recommendation", "recommendation-bandit"))


# the demo as it is, and what everybody does
BEGINNING = (
    fine("the gate begins", PASSED, ran("--init")),
    fine("words only", PASSED, swap("README.md", "on chat", "on the new chat")),
    fine("a route that convert settles", "New too, but stopping nothing here: 1 warning (VS001)", put("timeout.yaml", CART)),
    bad("a drill that convert cannot settle", "convert cannot settle it (VS901)", DRILL),
    bad("a port without mTLS", "blocker: this namespace could not move", PORT),
    fine("the same, for whoever asks for less", PASSED, PORT, merged=False, options=("--fail-on", "never")),
    bad("it excuses itself in a comment", "This change adds suppressions, which count once it is merged", PORT, HUSHED),
    bad("it excuses itself in the configuration", "This change changes .ambimigrate.yaml: that counts once", PORT, SETTINGS),
    fine("the exception goes first", "This change changes .ambimigrate.yaml: that counts once it is merged", SETTINGS),
    fine("and is used", "New and suppressed: 1.", PORT),
    bad("without a reason it does not count", "convert cannot settle it (VS901)", DRILL, UNREASONED),
    fine("a file has another name", PASSED, renamed(f"{CART}/traffic.yaml", "routes.yaml")),
    fine("lines move", PASSED, swap(f"{CART}/security.yaml", "apiVersion: security", "\n# moved\n\napiVersion: security")),
    fine("documents change places", PASSED, reordered(f"{CART}/routes.yaml")),
    fine(
        "a client stops waiting twice", "Better: 1 finding of the base is gone: VS002", drop(f"{LEGACY}/catalogue-client.yaml")
    ),
    fine("the baseline forgets it", f"This change changes {RECORD}", ran("--update-baseline"), options=RECORDED),
    unread(
        "a merge that stopped half way",
        f"{CART}/cart.yaml:8, {CART}/cart.yaml:58: not valid YAML",
        swap(f"{CART}/cart.yaml", *CONFLICT),
    ),
    unread("a file is no text", f"{CART}/logo.yaml:1: not valid YAML", text(f"{CART}/logo.yaml", "kind: Service\0\x01")),
    unread("somebody merges a broken file", f"{CART}/notes.yaml:2: not valid YAML", BROKEN, merged=True),
    fine("others can go on", "As before: 1 problem in the input that the base has too", swap("README.md", "new chat", "chat")),
    fine("it is mended", PASSED, drop(f"{CART}/notes.yaml")),
    fine("recommendation moves", PASSED, *MOVE),
    fine("and is declared migrated", PASSED, swap(".ambimigrate.yaml", "# migrated: [shop]", "migrated: [recommendation]")),
)
# what would take it back
BACK = (
    fine("a branch from before brings sidecars back", PASSED, SIDECARS, merged=False, behind=1),
    bad("once it is rebased it cannot", INJECTED, SIDECARS, behind=1, rebased=True),
    bad("nor by taking the word back", "This change changes .ambimigrate.yaml", SIDECARS, UNDECLARED),
    bad("nor where only a baseline is known", INJECTED, SIDECARS, options=RECORDED),
    bad("it leaves the mesh", f"{MODE} is 'none', so migrated namespace", swap(NAMESPACE, f"{MODE}: ambient", f"{MODE}: none")),
    bad(
        "its pods ask for a sidecar", "pods of Deployment recommendation run a sidecar", pods('sidecar.istio.io/inject: "true"')
    ),
    bad("its pods stay out", f"{MODE}=none keeps pods of Deployment recommendation out", pods(f"{MODE}: none")),
    bad("a policy that ztunnel does not know", "AP801 ztunnel does not carry out", put("selected.yaml")),
    bad("a policy loses its Service", "its targetRefs no longer reach recommendation", aimed_elsewhere("action")),
    bad("a door beside the waypoint", "recommendation-debug leads to the pods of recommendation", put("door.yaml")),
    bad("the guard of the pods looks elsewhere", "it no longer refuses callers that reach Deployment", UNGUARDED),
    bad("a route past a policy", "requests for recommendation-bandit that it sends to recommendation", put("onward.yaml")),
    bad("an old policy is changed in place", "enforcement stops at once where sidecars are left", IN_PLACE),
    bad("tokens by selector", "no token is checked at Deployment recommendation-bandit", put("tokens.yaml")),
    bad("tokens are no longer asked for", "RA802 A Service loses a RequestAuthentication", aimed_elsewhere("jwtRules")),
    bad("an extension for sidecars", "it does not run at Deployment recommendation", put("wasm.yaml")),
    bad("a filter for sidecars", "the local rate limit does not take place at Deployment recommendation", put("filter.yaml")),
    bad("a Sidecar object", "SC801 A Sidecar object that nobody reads", put("sidecar.yaml")),
    bad("a VirtualService", "recommendation-bandit was routed without VirtualServices", put("virtualservice.yaml")),
    bad("the waypoint goes", "waypoint recommendation/waypoint is not there any more", drop(f"{MOVED}/waypoint.yaml")),
    bad(
        "the waypoint is not asked",
        f"{USE} is none, so nothing carries out",
        swap(NAMESPACE, f"{USE}: waypoint", f"{USE}: none"),
    ),
    bad("the gateway passes it by", "ingress gateways send requests for recommendation straight", INGRESS),
    bad("plaintext is let in", "STRICT no longer holds, so connections without", swap(POLICIES, "STRICT", "PERMISSIVE")),
    fine("an exception for a time", PASSED, put("exception.yaml")),
    bad("its day is over", "was an exception until 2020-12-31", swap(f"{MOVED}/exception.yaml", "2999", "2020")),
)
# the next one
PLANNED = (
    fine("sessions is planned", "This change adds .ambimigrate/plan.json", text(".ambimigrate/plan.json", plan("sessions"))),
    bad("errors count from now on", "error in a namespace of the recorded plan", put("l7-deny.yaml", "apps/sessions")),
)
HISTORY = (*BEGINNING, *BACK, *PLANNED)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, ...]:
    root = tmp_path_factory.mktemp("history") / "shop"
    shutil.copytree(DEMO, root, ignore=shutil.ignore_patterns("expected"))
    repository = Repository(root)
    repository.commit({})
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    cache = tmp_path_factory.mktemp("cache")
    return tuple(played(repository, step, number, cache) for number, step in enumerate(HISTORY, 1))


@pytest.mark.parametrize("number", range(1, len(HISTORY) + 1), ids=lambda number: f"{number}-{HISTORY[number - 1].title}")
def test_step(history: tuple[Played, ...], number: int) -> None:
    step, got = HISTORY[number - 1], history[number - 1]
    assert step.line in got.said
    assert got.code == step.code, got.said
    assert "Traceback" not in got.said
