"""Rules about the platform: how Istio is installed, the network under the mesh, versions, certificates, images."""
