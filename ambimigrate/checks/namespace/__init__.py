"""Rules about namespaces: labels of both data planes, labels that bring sidecars back, Pod Security."""
