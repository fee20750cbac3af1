"""Rules about ProxyConfig objects and the authorizers of the mesh."""
