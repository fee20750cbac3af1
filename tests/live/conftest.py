"""What the tests on a real API server share: a server for each module, and a skip where none can be run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.live.apiserver import ApiServer, gateway_definitions, istio_definitions, running, unavailable

REQUIRED = "AMBIMIGRATE_LIVE_TESTS"  # set to `required` where they must not be skipped


@pytest.fixture(scope="session")
def apiserver() -> None:
    """Skips, or fails where the tests are required, if no server can be started."""
    if why := unavailable():
        if os.environ.get(REQUIRED) == "required":
            pytest.fail(f"the tests on a real API server were skipped although Go has what they need: {why}")
        pytest.skip(f"no real API server: {why}")


@pytest.fixture(scope="module")
def empty(apiserver: None) -> Iterator[ApiServer]:
    """A server that knows neither Istio nor the Gateway API."""
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def cluster(empty: ApiServer) -> ApiServer:
    """The server of this module, with the kinds of Istio and of the Gateway API."""
    empty.apply(*istio_definitions(), *gateway_definitions())
    return empty
