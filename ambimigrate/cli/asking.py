"""Groups of options that commands share: each becomes one value, and a command names the group instead of its options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ambimigrate.cli import live, options
from ambimigrate.cli.live import Live
from ambimigrate.cli.options import Ask

Command = Callable[..., None]


def of_files(
    namespace: options.Namespace = "",
    mesh: options.Only = "",
    config: options.Config = "",
    istio_version: options.Istio = "",
    gateway_api_version: options.GatewayAPI = "",
    channel: options.Channel = "",
    platform: options.Platform = "",
    trust_domain: options.TrustDomain = "",
    render: options.Render = "auto",
    helm_values: options.HelmValues = None,
) -> Ask:
    """What to read of one folder; its path is an argument of the command."""
    return Ask(
        (),
        namespace,
        mesh,
        config,
        istio_version,
        gateway_api_version,
        channel,
        platform,
        trust_domain,
        options.one_of("--render", render, "auto", "always", "never"),
        tuple(helm_values or ()),
    )


def of_folder(
    context: live.Context = "",
    kubeconfig: live.Kubeconfig = "",
    request_timeout: live.Timeout = "",
    snapshot: live.Snapshot = "",
    **files: Any,
) -> Ask:
    """What to read of one folder, and the cluster that has what is not in it; `files` are the options of `of_files`."""
    contexts = (context,) if context else ()
    return replace(of_files(**files), live=Live(contexts, kubeconfig=kubeconfig, timeout=request_timeout, snapshot=snapshot))


def of_everything(
    paths: options.Paths = None,
    namespace: live.Namespaces = None,
    context: live.Contexts = None,
    kubeconfig: live.Kubeconfig = "",
    selector: live.Selector = "",
    configmaps: live.ConfigMaps = False,
    request_timeout: live.Timeout = "",
    save: live.Save = "",
    snapshot: live.Snapshot = "",
    **files: Any,
) -> Ask:
    """What to read of folders, of clusters, or of both; `files` are the other options of `of_files`."""
    return replace(
        of_files(**files),
        paths=tuple(paths or ()),
        namespace=live.only(namespace, paths, is_live=bool(context or snapshot)),
        live=Live(
            tuple(context or ()), kubeconfig, tuple(namespace or ()), selector, configmaps, request_timeout, save, snapshot
        ),
    )


def _parameters(group: Callable[..., Ask]) -> dict[str, inspect.Parameter]:
    """The options of a group, with those of files in the place of `**files`."""
    own = dict(inspect.signature(group, eval_str=True).parameters)
    if own.pop("files", None) is None:
        return own
    return own | {name: each for name, each in _parameters(of_files).items() if name not in own}


def command(group: Callable[..., Ask]) -> Callable[[Command], Command]:
    """Gives a command the options of a group; its first parameter, `ask`, takes what the group makes of them.

    Arguments of the group stand before the command's own parameters, its options behind them.
    """
    shared = _parameters(group)

    def decorate(function: Command) -> Command:
        own = dict(inspect.signature(function, eval_str=True).parameters)
        del own["ask"]
        first = [each for name, each in shared.items() if name == "paths"]
        arranged = [*first, *own.values(), *(each for name, each in shared.items() if name != "paths")]
        given = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in arranged]

        @functools.wraps(function)
        def run(**values: Any) -> None:
            ask = group(**{name: values.pop(name) for name in shared})
            function(ask, **values)

        run.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in given}
        return run

    return decorate
