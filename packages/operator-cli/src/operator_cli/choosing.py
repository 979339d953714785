"""Which clusters are meant, where several may be: ``--cluster`` several times, or ``--all``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from operator_core.errors import ConfigurationError

from operator_cli.wiring import Attached, Choice, Meant, cluster_name, deployments_up, resolve

if TYPE_CHECKING:
    from operator_cli.settings import Loaded


def resolve_several(choice: Choice, clusters: Sequence[str], *, every: bool, loaded: Loaded) -> tuple[Meant, ...]:
    """The clusters that are meant, each once.

    Args:
        choice: what the options that name one cluster say; its `cluster` is left out.
        clusters: names of clusters of the settings.
        every: every cluster of the settings, and every deployment that is up.
        loaded: the settings.

    Raises:
        ConfigurationError: the options contradict each other, name nothing that exists, or leave it open.
    """
    names = tuple(dict.fromkeys(clusters))
    if every:
        given = [o for o, v in (("--pd", choice.pd), ("--cluster", names), ("--name", choice.name)) if v]
        if given:
            raise ConfigurationError(f"--all names every cluster; leave {' and '.join(given)} out")
        return _every(choice, loaded)
    if len(names) < 2:
        return (resolve(replace(choice, cluster=names[0] if names else None), loaded),)
    if choice.prometheus:
        raise ConfigurationError(f"--prometheus {choice.prometheus} cannot be that of {len(names)} clusters")
    return tuple(resolve(replace(choice, cluster=name), loaded) for name in names)


def _every(choice: Choice, loaded: Loaded) -> tuple[Meant, ...]:
    if choice.prometheus:
        raise ConfigurationError(f"--prometheus {choice.prometheus} cannot be that of every cluster")
    attached = [Attached(name=n, settings=s) for n, s in sorted(loaded.settings.clusters.items())]
    found: tuple[Meant, ...] = (*attached, *deployments_up(loaded.settings.state_directory))
    if not found:
        raise ConfigurationError(f"--all: no cluster in {loaded.path}, and no deployment is up")
    names = [cluster_name(m) for m in found]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"--all: a cluster of {loaded.path} and a deployment are both called {twice}")
    return found
