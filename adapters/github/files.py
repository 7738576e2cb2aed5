"""The files of a pull request, as GitHub lists them: at most 3,000."""

from collections.abc import Mapping, Sequence

from adapters.contract import Json
from adapters.github.session import MOST_PAGES, Session, number_of, repo_of, unreadable

_PAGE = 100
_MOST = MOST_PAGES * _PAGE  # GitHub's own limit, too


async def listed(session: Session) -> Mapping[str, Json]:
    """Return the operation's outputs; raise RefusedError."""
    given = session.given
    path = f"/repos/{repo_of(given)}/pulls/{number_of(given)}/files?per_page={_PAGE}"
    count, paths = 0, dict[str, None]()
    async for page in session.pages(path):
        if not isinstance(page, Sequence) or isinstance(page, str):
            raise unreadable("a list of files")
        count += len(page)
        paths |= dict.fromkeys(name for each in page for name in _names(each))
    return {"files": list(paths), "cut": count >= _MOST}


def _names(file: Json) -> list[str]:
    """Return the path of a file, and the one from which it has moved."""
    told = file if isinstance(file, Mapping) else {}
    name, previous = told.get("filename"), told.get("previous_filename")
    if not isinstance(name, str):
        raise unreadable("a list of files")
    return [name, previous] if isinstance(previous, str) else [name]
