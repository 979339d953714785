"""The options that several commands share; one grammar everywhere."""

from __future__ import annotations

from typing import Annotated

import typer
from operator_core.errors import ConfigurationError


def _number(text: str, *, of: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ConfigurationError(f"{of} is {text!r}; a number is meant") from None
    if number < least:
        raise ConfigurationError(f"{of} is {text!r}; {least} or more is meant")
    return number


def ticket_number(text: str) -> int:
    """The number of a ticket.

    Raises:
        ConfigurationError: it is none.
    """
    return _number(text, of="the ticket", least=0)


def silence_number(text: str) -> int:
    """The number of a silence.

    Raises:
        ConfigurationError: it is none.
    """
    return _number(text, of="the silence", least=0)


def limit(text: str) -> int:
    """How many are wanted.

    Raises:
        ConfigurationError: it is no number, or none at all.
    """
    return _number(text, of="--limit", least=1)


Ticket = Annotated[int, typer.Argument(help="The ticket's number.", metavar="TICKET", parser=ticket_number)]
Tickets = Annotated[list[int], typer.Argument(help="Numbers of tickets.", metavar="TICKET", parser=ticket_number)]
Subject = Annotated[str, typer.Option("--subject", help="What kind of system is watched.")]
Pd = Annotated[
    list[str] | None,
    typer.Option("--pd", metavar="URL", help="A PD address of the cluster; may be given several times."),
]
Prometheus = Annotated[
    str | None, typer.Option("--prometheus", metavar="URL", help="A Prometheus server that scrapes the cluster.")
]
Cluster = Annotated[str | None, typer.Option("--cluster", metavar="NAME", help="A cluster of the settings file.")]
Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="A deployment; needed only when several are up.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON with a versioned schema.")]
Ledger = Annotated[
    str | None,
    typer.Option("--ledger", metavar="URL", help="Where the record is kept: a file, or a database's URL."),
]
RecordedCluster = Annotated[
    str | None, typer.Option("--cluster", metavar="NAME", help="Only this cluster, by its name in the record.")
]
Because = Annotated[str | None, typer.Option("--because", metavar="TEXT", help="Why; kept with it.  [required]")]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who says so; the setting user, or who is logged in.")
]
