"""A day's money: counted from the record, set aside while it may be spent."""

from datetime import timedelta
from decimal import Decimal

from operator_cli.use_cases.investigating import Bill
from operator_cli.use_cases.purse import DAY, Purse
from operator_core.readings import ClusterName
from operator_core.runtime import VirtualClock, run_virtual
from operator_diagnosis.claude import Spent
from operator_ledger import MemoryLedger

NORTH = ClusterName("north")


def test_what_is_spent_or_set_aside_is_not_given_out_again() -> None:
    async def story() -> None:
        clock, ledger = VirtualClock(), MemoryLedger()
        purse = Purse(ledger, daily=Decimal(5), clock=clock)
        async with purse.share(Decimal(2)) as one, purse.share(Decimal(2)) as two, purse.share(Decimal(2)) as three:
            assert (one, two, three) == (2, 2, 1)
            async with purse.share(Decimal(2)) as four:
                assert four is None
        bill = Bill(ledger, NORTH, model="m", case="c", ticket=None, clock=clock)
        await bill.book(Spent(usd=Decimal("1.5")))
        await bill.book(Spent(usd=None))
        await bill.book(Spent(usd=Decimal("2.75")))
        async with purse.share(Decimal(2)) as left:
            assert left == Decimal("0.75")
        other = Purse(ledger, daily=Decimal(5), clock=clock)  # another agent on the same record
        async with other.share(Decimal(2)) as left:
            assert left == Decimal("0.75")

    run_virtual(story())


def test_a_day_later_it_is_there_again() -> None:
    async def story() -> None:
        clock, ledger = VirtualClock(), MemoryLedger()
        purse = Purse(ledger, daily=Decimal(1), clock=clock)
        await Bill(ledger, NORTH, model="m", case="c", ticket=None, clock=clock).book(Spent(usd=Decimal(1)))
        for wait, expected in ((DAY, None), (timedelta(seconds=1), Decimal(1))):
            async with purse.share(Decimal(1)) as left:
                assert left is None
            await clock.sleep(wait)
            async with purse.share(Decimal(1)) as left:
                assert left == expected

    run_virtual(story())
