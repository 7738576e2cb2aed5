"""Windows of a source in which nothing becomes live, as they are written in the configuration."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from engine.core.schedule import Window, parse

_LONGEST_REASON = 200


def _reason(value: str) -> str:
    if not (value.strip() and value.isprintable() and len(value) <= _LONGEST_REASON):
        raise ValueError(
            f"expected one line of up to {_LONGEST_REASON} characters that says why, found "
            f"{value[:50]!r}"
        )
    return value


class Freeze(BaseModel):
    """A window in which no commit of a source becomes live."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    start: str = Field(
        description="`22:00` of every day, `fri 18:00` of every week, or `2026-12-20 18:00`, once."
    )
    end: str = Field(description="When it is over, told as `start` is.")
    timezone: str = Field(default="UTC", description="The zone of both, as `Europe/Oslo`.")
    reason: Annotated[str, AfterValidator(_reason)] = Field(
        description="Why, in a line of up to 200 characters; whoever waits is told."
    )

    @property
    def window(self) -> Window:
        """Return it as something that can be asked; raise ValueError."""
        return parse(self.start, self.end, self.timezone, self.reason)

    @model_validator(mode="after")
    def _is_whole(self) -> "Freeze":
        assert self.window
        return self
