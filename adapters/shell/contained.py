"""A program that names an image runs in a container, by the operation that runs containers."""

from dataclasses import replace

from adapters.contract import Call, ErrorClass, Failed, Operation, Outcome
from adapters.manifest.shell import IN_CONTAINER


async def run(container: Operation | None, call: Call) -> Outcome:
    """Return what `container.run@1` gives; what it calls its failures begins with `shell.` here.

    A program that may do anything on its own machine has the network in a container too.
    """
    if container is None:
        message = "this worker runs no containers, and image asks for one"
        return Failed("shell.invalid", message, ErrorClass.PERMANENT)
    given = call.arguments
    over = sorted(set(given) - {"image", *IN_CONTAINER})
    if over:
        message = f"{', '.join(over)} cannot be given beside image; {', '.join(IN_CONTAINER)} can"
        return Failed("shell.invalid", message, ErrorClass.PERMANENT)
    outcome = await container.invoke(replace(call, arguments={**given, "network": "default"}))
    if isinstance(outcome, Failed):
        return replace(outcome, type=f"shell.{outcome.type.partition('.')[2]}")
    return outcome
