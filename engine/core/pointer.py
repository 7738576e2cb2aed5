"""Where a value stands inside a JSON document."""


class Pointer(tuple[str | int, ...]):
    """The keys and indexes that lead to a value; as text it is a JSON pointer (RFC 6901)."""

    __slots__ = ()

    def __str__(self) -> str:
        return "".join(f"/{str(each).replace('~', '~0').replace('/', '~1')}" for each in self)

    def to(self, *segments: str | int) -> "Pointer":
        """Return the pointer to something inside."""
        return Pointer((*self, *segments))
