"""`scan`: what stands in the way of ambient mode."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ambimigrate import report
from ambimigrate.cli import live, options
from ambimigrate.cli.live import Live
from ambimigrate.cli.options import Ask
from ambimigrate.render import FORMATS, renderer

Format = Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.", rich_help_panel=options.OUTPUT)]
Objects = Annotated[
    bool, typer.Option("--objects", help="List every object that was read (json).", rich_help_panel=options.OUTPUT)
]
UpgradePath = Annotated[
    bool, typer.Option("--upgrade-path", help="Also the verdicts on later versions.", rich_help_panel=options.OUTPUT)
]


def scan(
    paths: options.Paths = None,
    namespace: live.Namespaces = None,
    context: live.Contexts = None,
    kubeconfig: live.Kubeconfig = "",
    selector: live.Selector = "",
    configmaps: live.ConfigMaps = False,
    request_timeout: live.Timeout = "",
    save: live.Save = "",
    mesh: options.Only = "",
    config: options.Config = "",
    istio_version: options.Istio = "",
    gateway_api_version: options.GatewayAPI = "",
    channel: options.Channel = "",
    platform: options.Platform = "",
    trust_domain: options.TrustDomain = "",
    render: options.Render = "auto",
    helm_values: options.HelmValues = None,
    strict: options.Strict = False,
    format: Format = "text",
    output: options.Output = None,
    objects: Objects = False,
    upgrade_path: UpgradePath = False,
    fail_on: options.FailOn = "error",
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Report what stands in the way, by namespace.

    Each finding has its place, what will happen in this mesh, and what to do. Exit 1 from --fail-on on, 2 for problems.
    """
    threshold = options.threshold(fail_on)
    options.one_of("--format", format, *FORMATS)
    files = options.outputs(output, *FORMATS)
    options.one_of("--render", render, "auto", "always", "never")
    options.colours(off=no_color)
    clusters = Live(tuple(context or ()), kubeconfig, tuple(namespace or ()), selector, configmaps, request_timeout, save)
    ask = Ask(
        tuple(paths or ()),
        live.only(namespace, paths, is_live=bool(context)),
        "",
        "",
        mesh,
        config,
        istio_version,
        gateway_api_version,
        channel,
        platform,
        trust_domain,
        render,
        tuple(helm_values or ()),
        clusters,
    )
    made = report.report(options.read(ask), strict=strict, objects=objects, outlook=upgrade_path)
    code = report.exit_code(made, threshold)
    if not (quiet and code == 0):
        renderer(format)(made, sys.stdout)
    for name, file in files:
        with file.open("w", encoding="utf-8") as out:
            renderer(name)(made, out)
    raise typer.Exit(code)
