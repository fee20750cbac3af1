"""The Gateway API as it is installed: the names by which its CRDs tell version and channel."""

GATEWAYS = "gateways.gateway.networking.k8s.io"
BUNDLE = "gateway.networking.k8s.io/bundle-version"
CHANNEL = "gateway.networking.k8s.io/channel"
