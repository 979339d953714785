"""One thread that writes, in turn; what gathers while it is busy goes into one commit.

A commit ends when the disk has it, and a disk takes its time. Whoever comes meanwhile would wait for a commit of his
own behind all others; together they wait for one. A piece of work that fails is undone by itself, and none is
acknowledged before the commit that holds it.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

TOGETHER = 32
"""Pieces in one commit; another process waits for no more than these."""

_TROUBLE = (SQLAlchemyError, sqlite3.Error, OSError)


class Call:
    """A piece of work, as the one who waits for it has it.

    Attributes:
        work: may be run more than once; only what its last run wrote is kept.
        is_abandoned: whoever asked for it has gone.
    """

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.future: Future[Any] = Future()
        self.is_abandoned = False


def answer(call: Call, run: Callable[[], object], told: Callable[[BaseException], BaseException]) -> None:
    """Run something, and let the one who waits for the call have what it gives or raises."""
    try:
        result = run()
    except BaseException as e:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
        call.future.set_exception(told(e))
    else:
        call.future.set_result(result)


class Transactions(Protocol):
    """Where the pieces are written."""

    def transaction(self, call: Call | None) -> AbstractContextManager[Connection]:
        """One that holds the write lock, on behalf of a call, or of many; it ends with a commit or undoes all."""
        ...

    def on_behalf_of(self, connection: Connection, call: Call) -> None:
        """From now on the transaction is used for this call."""
        ...

    def is_busy(self, error: BaseException) -> bool:
        """Whether another process has had the lock for too long."""
        ...

    def told(self, error: BaseException) -> BaseException:
        """An error in our words."""
        ...


class Writer:
    """The pieces that are to be written to one database, in turn."""

    def __init__(self, database: Transactions) -> None:
        self._database = database
        self._waiting: deque[Call] = deque()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")

    def put(self, call: Call) -> None:
        """Let it wait for its turn."""
        self._waiting.append(call)
        self.thread.submit(self._write_some)

    def _write_some(self) -> None:
        """Write those that wait, up to some; who came together with others finds nothing left to do."""
        calls: list[Call] = []
        while self._waiting and len(calls) < TOGETHER:
            call = self._waiting.popleft()
            if call.future.set_running_or_notify_cancel():
                calls.append(call)
        if len(calls) > 1 and self._written_together(calls):
            return
        for call in calls:
            self._write_alone(call)

    def _write_alone(self, call: Call) -> None:
        def write() -> object:
            with self._database.transaction(call) as connection:
                return call.work(connection)

        answer(call, write, self._database.told)

    def _written_together(self, calls: Sequence[Call]) -> bool:
        """Write them in one commit; False when the database had trouble with one of them, and nothing was kept."""
        ends: list[Callable[[], None]] = []
        try:
            with self._database.transaction(None) as connection:
                for call in calls:
                    self._database.on_behalf_of(connection, call)
                    ends.append(_done(connection, call))
        except _TROUBLE as e:
            if not self._database.is_busy(e):
                return False
            for call in calls:  # each would wait as long again
                call.future.set_exception(self._database.told(e))
            return True
        for end in ends:
            end()
        return True


def _done(connection: Connection, call: Call) -> Callable[[], None]:
    """Run one piece within the transaction of others; gives what is to be done once that is kept."""
    try:
        with connection.begin_nested():
            result = call.work(connection)
    except _TROUBLE:
        raise
    except BaseException as e:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
        return lambda error=e: call.future.set_exception(error)
    return lambda: call.future.set_result(result)
