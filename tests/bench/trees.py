"""Makes trees of manifests as large as wanted: half of the objects are Istio's, two files for each of those."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PER_NAMESPACE = 20  # objects of Istio in each namespace, and as many others
SERVICES = 9

_NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: {ns}
  labels:
    istio-injection: enabled
    team: team-{team}
"""

_DEPLOYMENT = """\
# Owned by team-{team}; ask before scaling below two replicas.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
  namespace: {ns}
  labels:
    app: {app}
    app.kubernetes.io/part-of: {ns}
spec:
  replicas: 3
  selector:
    matchLabels:
      app: {app}
  template:
    metadata:
      labels:
        app: {app}
        version: v1
{annotations}    spec:
      serviceAccountName: {app}
      containers:
        - name: {app}
          image: registry.example.com/{ns}/{app}:1.{number}.0
          ports:
            - name: http
              containerPort: 8080
            - name: metrics
              containerPort: 9090
          env:
            - name: LOG_LEVEL
              value: info
            - name: UPSTREAM
              value: http://{next}.{ns}.svc.cluster.local
          readinessProbe:
            httpGet:
              path: /ready
              port: http
            periodSeconds: 10
          resources:
            requests: {{cpu: 100m, memory: 128Mi}}
            limits: {{memory: 256Mi}}
"""

_SCRAPED = """\
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "9090"
"""

_SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {app}
  namespace: {ns}
  labels:
    app: {app}
spec:
  selector:
    app: {app}
  ports:
    - name: http
      port: 80
      targetPort: http
    - name: http-metrics
      port: 9090
      targetPort: metrics
"""

_NETWORK_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: same-namespace
  namespace: {ns}
spec:
  podSelector: {{}}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector: {{}}
      ports:
        - port: 8080
"""

_MESH_ROUTE = """\
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata:
  name: {app}
  namespace: {ns}
spec:
  hosts:
    - {app}
  http:
    - name: canary
      match:
        - headers:
            x-canary:
              exact: "true"
      route:
        - destination:
            host: {app}
            subset: v2
            port:
              number: 80
    - name: default
      timeout: 5s
      retries:
        attempts: 3
        perTryTimeout: 2s
        retryOn: gateway-error,connect-failure
      route:
        - destination:
            host: {app}
            subset: v1
            port:
              number: 80
          weight: 90
        - destination:
            host: {app}
            subset: v2
            port:
              number: 80
          weight: 10
"""

_GATEWAY_ROUTE = """\
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata:
  name: {app}-public
  namespace: {ns}
spec:
  hosts:
    - {app}.example.com
  gateways:
    - istio-ingress/public
  http:
    - match:
        - uri:
            prefix: /{app}/
      rewrite:
        uri: /
      route:
        - destination:
            host: {app}.{ns}.svc.cluster.local
            port:
              number: 80
"""

_DESTINATION_RULE = """\
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata:
  name: {app}
  namespace: {ns}
spec:
  host: {app}.{ns}.svc.cluster.local
  trafficPolicy:
    connectionPool:
      tcp:
        maxConnections: 200
      http:
        http1MaxPendingRequests: 64
    outlierDetection:
      consecutive5xxErrors: 5
      interval: 30s
      baseEjectionTime: 60s
  subsets:
    - name: v1
      labels:
        version: v1
    - name: v2
      labels:
        version: v2
"""

_ALLOW = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: {app}-callers
  namespace: {ns}
spec:
  selector:
    matchLabels:
      app: {app}
  action: ALLOW
  rules:
    - from:
        - source:
            principals:
              - cluster.local/ns/{ns}/sa/{next}
              - cluster.local/ns/istio-ingress/sa/public
      to:
        - operation:
            methods: [GET, POST]
            paths: [/api/*]
"""

_PEER_AUTHENTICATION = """\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: default
  namespace: {ns}
spec:
  mtls:
    mode: STRICT
"""

_SERVICE_ENTRY = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: payments-api
  namespace: {ns}
spec:
  hosts:
    - api.payments.example.com
  location: MESH_EXTERNAL
  resolution: DNS
  ports:
    - number: 443
      name: tls
      protocol: TLS
"""

_KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
"""

_VALUES = """\
# read by the pipeline, not by the cluster
team: team-{team}
pager: true
budget: {number}
"""


def make(root: Path, istio_objects: int) -> Path:
    """A folder below `root` with so many objects of Istio (a multiple of 20) and as many others."""
    folder = root / f"objects-{istio_objects}"
    for number in range(istio_objects // PER_NAMESPACE):
        names = _namespace(folder / "apps" / f"shop-{number:04}", number)
        assert len(names) == 2 * PER_NAMESPACE
    return folder


def _namespace(folder: Path, number: int) -> list[str]:
    words = {"ns": folder.name, "team": str(number % 17), "number": str(number)}
    folder.mkdir(parents=True)
    names = []
    for name, template, app, following in _objects():
        scraped = _SCRAPED if app and int(app[-1]) % 3 == 0 else ""
        text = template.format(app=app, next=following, annotations=scraped, **words)
        (folder / name).write_text(text, encoding="utf-8")
        names.append(name)
    listed = "".join(f"  - {name}\n" for name in sorted(names))
    (folder / "kustomization.yaml").write_text(_KUSTOMIZATION + listed, encoding="utf-8")
    for name in ("pipeline.yaml", "alerts.yaml", "README.md"):
        (folder / name).write_text(_VALUES.format(**words), encoding="utf-8")
    return names


def _objects() -> Iterator[tuple[str, str, str, str]]:
    """File name, template, application and the one that it calls, for each object of a namespace."""
    yield "namespace.yaml", _NAMESPACE, "", ""
    yield "networkpolicy.yaml", _NETWORK_POLICY, "", ""
    yield "peerauthentication.yaml", _PEER_AUTHENTICATION, "", ""
    yield "serviceentry.yaml", _SERVICE_ENTRY, "", ""
    for number in range(SERVICES):
        app, following = f"app-{number}", f"app-{(number + 1) % SERVICES}"
        yield f"{app}-deployment.yaml", _DEPLOYMENT, app, following
        yield f"{app}-service.yaml", _SERVICE, app, following
        if number < 3:
            yield f"{app}-routes.yaml", _MESH_ROUTE, app, following
        yield f"{app}-public.yaml", _GATEWAY_ROUTE, app, following
        if number < 4:
            yield f"{app}-destination.yaml", _DESTINATION_RULE, app, following
        if number < 2:
            yield f"{app}-callers.yaml", _ALLOW, app, following
