"""Which contract stands for which statement of the engine; one that has none is an error."""

from engine.store import approvals, callbacks
from tests.simulation import contracts_pool, contracts_runs, contracts_world
from tests.simulation.database import Contract

_MODULES = (contracts_runs, contracts_pool, contracts_world)
CONTRACTS: dict[str, Contract] = {
    **contracts_runs.CONTRACTS, **contracts_pool.CONTRACTS, **contracts_world.CONTRACTS,
    # Nobody asks people or waits for signed requests in this world.
    approvals._WITHDRAW: contracts_world.nothing, callbacks._WITHDRAW: contracts_world.nothing,
}  # fmt: skip
_NAMES = {
    text: f"{each.__module__.rpartition('_')[2]}.{each.__name__}"
    for text, each in CONTRACTS.items()
}


def contract_of(query: str | bytes) -> tuple[str, Contract]:
    """Return name and contract of a statement, by its text, or by the name of a prepared one."""
    text = query if isinstance(query, str) else query.decode()
    if text.startswith("turn"):
        return text, contracts_runs.turn(tuple(text.split("_")[1:]))
    if text.startswith("starts"):
        return text, contracts_runs.start
    return _NAMES[text], CONTRACTS[text]
