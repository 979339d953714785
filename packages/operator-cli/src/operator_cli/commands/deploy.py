"""``operator deploy``: bring a cluster up and down, look at its services and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from operator_core.errors import ConfigurationError

if TYPE_CHECKING:
    from operator_core.ports import Deployment

from operator_cli.commands import deploy_local
from operator_cli.exits import Exit
from operator_cli.options import Json
from operator_cli.running import run

app = typer.Typer(help="Run a cluster, simulated or in Docker.", no_args_is_help=True, rich_markup_mode=None)
embedded_app = typer.Typer(
    help="A simulated TiKV cluster on loopback sockets; needs nothing installed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(embedded_app, name="embedded")
app.add_typer(deploy_local.app, name="local")

DeploymentName = Annotated[str, typer.Option("--name", metavar="NAME", help="Which deployment.")]
Service = Annotated[str | None, typer.Argument(help="One service; all when left out.")]


def _say(text: str) -> None:
    typer.echo(text)


def _name(name: str) -> str:
    if not name or not all(c.isalnum() or c in "-_" for c in name) or len(name) > 40:
        raise ConfigurationError(f"--name is {name!r}; letters, digits, - and _ are meant, 40 at most")
    return name


@embedded_app.command("up")
def embedded_up(
    *,
    name: DeploymentName = "default",
    stores: Annotated[int, typer.Option(help="How many TiKV stores, 1 to 9.")] = 3,
    pd: Annotated[int, typer.Option(help="How many PD members: 1, 3 or 5.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of everything random in it.")] = 0,
    speed: Annotated[float, typer.Option(help="Cluster seconds per second.")] = 1.0,
) -> None:
    """Start a simulated cluster in the background."""
    from operator_simulator import ClusterConfig, EmbeddedDeployment

    from operator_cli.settings import load
    from operator_cli.wiring import embedded_directory

    if not 1 <= stores <= 9:
        raise ConfigurationError(f"--stores is {stores}; 1 to 9 are meant")
    if pd not in (1, 3, 5):
        raise ConfigurationError(f"--pd is {pd}; 1, 3 or 5 are meant")
    if not 0 < speed <= 100:
        raise ConfigurationError(f"--speed is {speed:g}; more than 0 and at most 100 is meant")
    deployment = EmbeddedDeployment(
        name=_name(name),
        state_directory=embedded_directory(load().settings.state_directory),
        config=ClusterConfig(stores=stores, pd=pd, seed=seed),
        speed=speed,
    )
    run(deployment.up(_say))


@embedded_app.command("down")
def embedded_down(*, name: DeploymentName = "default") -> None:
    """Stop it and take everything away."""
    from operator_cli.chaos_cases import forget_faults
    from operator_cli.settings import load
    from operator_cli.wiring import Embedded

    run(_opened(name).down(_say))
    run(forget_faults(Embedded(name=name), load()))


@embedded_app.command("status")
def embedded_status(*, name: DeploymentName = "default", as_json: Json = False) -> None:
    """Show every service that should be there; exit code 1 when one is not running."""
    from operator_cli.render.deployment import show_status
    from operator_cli.render.document import document

    meant = _opened(name)
    found = run(meant.status())
    if as_json:
        typer.echo(document("operator.deployment", 1, found))
    elif not found.is_up:
        typer.echo(f"deployment {name} is not up")
    else:
        show_status(found, now=meant.clock().now())
    if not found.is_healthy:
        raise typer.Exit(Exit.VIOLATED)


@embedded_app.command("logs")
def embedded_logs(
    service: Service = None,
    *,
    name: DeploymentName = "default",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    tail: Annotated[int | None, typer.Option(help="Only so many last lines.", min=0)] = None,
) -> None:
    """Print log lines of one service or of all."""
    from operator_cli.render.console import plain

    async def show() -> None:
        async for line in _opened(name).logs(service, follow=follow, tail=tail):
            typer.echo(plain(line))

    run(show())


@embedded_app.command("restart")
def embedded_restart(service: Service = None, *, name: DeploymentName = "default") -> None:
    """Restart one service or all."""
    run(_opened(name).restart(service, _say))


@embedded_app.command("endpoints")
def embedded_endpoints(*, name: DeploymentName = "default", as_json: Json = False) -> None:
    """Show the address that each door advertises, and where it is reached from here."""
    from operator_cli.render.deployment import show_doors
    from operator_cli.render.document import document

    doors = run(_opened(name).endpoints())
    if as_json:
        typer.echo(document("operator.endpoints", 1, doors))
    else:
        show_doors(("", str(d.component), d.purpose, d.advertised, d.reachable) for d in doors)


def _opened(name: str) -> Deployment:
    from operator_cli.settings import load
    from operator_cli.wiring import embedded

    return embedded(_name(name), load())
