"""
Who may see what is in an event, and what is needed to send it.
"""

import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.kit import secrets
from app.kit.db import WORKER, Database, as_agency
from app.kit.secrets import Key
from app.webhooks import service as webhooks
from tests.workers.conftest import NewAgency
from tests.workers.push import courier, receiving


class TestContent:
    """
    Who may see what is in an event.
    """

    @pytest.mark.parametrize(
        "query",
        ["SELECT body FROM event", "SELECT url FROM endpoint", "SELECT secret_box FROM endpoint"],
    )
    async def test_the_dispatcher_sees_none_of_it(
        self, worker_database: Database, query: str
    ) -> None:
        """
        Its own role reads scheduling columns; content takes the recipient's context (E9).
        """
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with worker_database.reading(WORKER) as session:
                await session.execute(text(query))

    async def test_a_recipient_reads_no_other_s_envelope(
        self, new_agency: NewAgency, worker_database: Database, key: Key
    ) -> None:
        """
        Even with the id in hand.
        """
        async with receiving() as receiver:
            agency, other = await new_agency().listen(receiver), new_agency()
            await agency.announce()
            (view,) = await agency.deliveries()
            async with worker_database.reading(as_agency(other.id)) as session:
                assert await webhooks.envelopes(session, [view.id], key=key) == {}
            async with worker_database.reading(as_agency(agency.id)) as session:
                assert set(await webhooks.envelopes(session, [view.id], key=key)) == {view.id}

    async def test_the_wrong_key_sends_nothing(
        self, new_agency: NewAgency, worker_database: Database
    ) -> None:
        """
        A process with another key fails the attempt, says so, and no unsigned byte leaves.
        """
        wrong = secrets.derive(bytes(range(32)), secrets.Purpose.WEBHOOK_SECRET)
        async with receiving() as receiver, courier(worker_database, wrong) as at_work:
            agency = await new_agency().listen(receiver)
            await agency.announce()
            before = webhooks.COUNTS.unsealed
            await at_work.drain()

            assert receiver.connections == 0
            assert webhooks.COUNTS.unsealed == before + 1
            (view,) = await agency.deliveries()
            assert [one.error for one in view.attempts] == ["secret"]

    async def test_the_secret_is_not_in_the_database(
        self, new_agency: NewAgency, database: Database
    ) -> None:
        """
        The row holds a sealed box; the text of the secret is nowhere in it.
        """
        async with receiving() as receiver:
            agency = await new_agency().listen(receiver)
        async with database.reading(as_agency(agency.id)) as session:
            found = await session.execute(text("SELECT to_jsonb(endpoint) FROM endpoint"))
            (row,) = found.scalars()

        told = json.dumps(row)
        assert agency.secret.removeprefix("whsec_") not in told
        assert agency.secret.encode().hex() not in told
