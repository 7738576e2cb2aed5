"""The workflow that a name on the command line means."""

from engine.cli.client import Client
from engine.errors import Invalid


def placed(client: Client, name: str, namespace: str | None) -> tuple[str, str]:
    """Return the namespace and the name of the workflow that is meant; raise Invalid for none."""
    before, slash, after = name.partition("/")
    if slash:
        return before, after
    return namespace or _namespace_of(client, name), name


def _namespace_of(client: Client, name: str) -> str:
    """Return the one namespace that has the workflow; raise Invalid if it is none or several."""
    active = list(client.pages("/workflows", limit=200))
    found = [str(each["namespace"]) for each in active if each["name"] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise Invalid(f"{name} is in {', '.join(found)}: write NAMESPACE/{name}")
    from difflib import get_close_matches

    near = get_close_matches(name, [str(each["name"]) for each in active], n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`sark workflows` lists the active ones"
    raise Invalid(f"no active workflow is called {name!r}; {hint}")
