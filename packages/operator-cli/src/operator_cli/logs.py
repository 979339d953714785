"""The program's own log: to standard error, warnings and worse unless more is asked for."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

from operator_cli.exits import flat
from operator_cli.journal import DEBUG, ERROR, INFO, WARNING, is_journal

LEVEL_VARIABLE = "OPERATOR_LOG"
"""``debug``, ``info``, ``warning`` or ``error``."""


def _in_one_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its own words; whoever wants the traceback asks for more of the log."""
    if event.pop("exc_info", None):
        errors = flat(sys.exc_info()[1] or RuntimeError("nothing"))
        event["error"] = "; ".join(f"{type(e).__name__}: {e}" for e in errors)
        event["more"] = f"{LEVEL_VARIABLE}=info"
    return event


def _led_by_priority(_logger: object, method: str, line: str) -> str:
    """A line that the journal files by its level."""
    priorities = {"debug": DEBUG, "info": INFO, "warning": WARNING}
    return f"<{priorities.get(method, ERROR)}>{line}"


def configure() -> None:
    """Send the log to standard error, from the level that OPERATOR_LOG names.

    Raises:
        ConfigurationError: it names no level.
    """
    import structlog
    from operator_core.errors import ConfigurationError

    name = os.environ.get(LEVEL_VARIABLE, "warning").lower()
    levels = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
    if name not in levels:
        raise ConfigurationError(f"variable {LEVEL_VARIABLE} is {name!r}; one of {', '.join(levels)} is meant")
    rendered: list[Any] = [structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])]
    if is_journal(sys.stderr):
        rendered.append(_led_by_priority)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if levels[name] <= logging.INFO else _in_one_line,
            *rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(levels[name]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,  # a logger outlives this configuration where one process has several
    )
