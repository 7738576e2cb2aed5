"""What an owner and a performer share: turns, one at a time, whenever a bell has rung."""

import asyncio
from abc import ABC, abstractmethod


class Loop(ABC):
    """Takes turns until it is drained or abandoned; whoever wants something of it rings."""

    def __init__(self) -> None:
        self._wanting = True
        self._looking = False
        self._draining = False
        self._abandoned = False
        self._bell = asyncio.Event()

    def attend(self) -> None:
        """There may be something to take: look for it in the next turn."""
        self._wanting = True
        self._bell.set()

    def look(self) -> None:
        """Somebody has told something to what is here: look in the next turn."""
        self._looking = True
        self._bell.set()

    def drain(self) -> None:
        """Take nothing more; end when what is here has ended."""
        self._draining = True
        self._bell.set()

    def abandon(self) -> None:
        """End now: attempts are cancelled, and others have to see to them."""
        self._draining = self._abandoned = True
        self._bell.set()

    async def _take_turns(self) -> None:
        """Take a turn each time the bell has rung, until this loop may end or must."""
        while self._is_busy() or not self._draining:
            await self._bell.wait()
            self._bell.clear()
            if self._abandoned:
                return
            await self._turn()

    @abstractmethod
    def _is_busy(self) -> bool:
        """True as long as a loop that drains has something left to end."""

    @abstractmethod
    async def _turn(self) -> None:
        """Do what there is to do now; ring where that leaves more to do."""
