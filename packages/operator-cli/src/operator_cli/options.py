"""The options that several commands share; one grammar everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

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
