"""The values with which a chart is installed, wherever they stand: no object of Kubernetes, but read like one."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import field

from ambimigrate.kinds.base import Object


class HelmValues(Object, frozen=True):
    """The values of one release of a chart that we know, all files and fields that give them laid over each other.

    Its routes begin with `values`, and `version` is the version of the chart. It carries the name of what installs the chart.
    """

    NAMESPACED: ClassVar[bool] = False

    chart: str = ""
    version: str = ""
    said: str = ""  # where it comes from, as far as what installs it says so
    values: dict[str, Any] = field(default_factory=dict)
    whole: bool = True  # False: some of the values were not read, so that one not found may be set nevertheless
