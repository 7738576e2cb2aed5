"""A question to PostgreSQL whose connection is lost under it."""

import asyncio
import os
import socket

import psycopg
import pytest
import uvloop

from engine.store.pool import connect
from engine.store.statement import Statement


def test_a_lost_connection_takes_nobody_elses_socket(database_url: str) -> None:
    """
    The number of a socket that was lost is given to the next that is opened: it is heard as any.
    """

    async def story() -> None:
        heard = asyncio.Event()
        async with await connect(database_url, "test") as connection:
            number, backend = connection.fileno(), connection.info.backend_pid
            asked = asyncio.create_task(
                Statement(connection, "sleep", "SELECT pg_sleep(60)", {}).ask({})
            )
            await asyncio.sleep(0.1)
            ended = asyncio.create_task(asyncio.to_thread(_terminate, database_url, backend))
            while _is_open(number):
                await asyncio.sleep(0)
            ours, theirs = socket.socketpair()
            ours, theirs = (theirs, ours) if theirs.fileno() == number else (ours, theirs)
            assert number == ours.fileno()
            asyncio.get_running_loop().add_reader(number, heard.set)
            with pytest.raises(psycopg.OperationalError):
                await asked
            theirs.send(b"x")
            await asyncio.wait_for(heard.wait(), 30)
            asyncio.get_running_loop().remove_reader(number)
            ours.close()
            theirs.close()
            await ended

    uvloop.run(story())


def _terminate(url: str, backend: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (backend,))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
