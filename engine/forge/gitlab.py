"""GitLab: merge requests, notes and commit statuses of one project by its REST API.

Source: docs.gitlab.com/api, version 4. A merge request's number is what GitLab calls its iid.
"""

import base64
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from engine.core.review import note
from engine.core.values import Json
from engine.errors import Invalid, NotFound
from engine.forge import reading
from engine.forge.contract import Check, Comment, Pull, State
from engine.forge.conversation import PAGE, Conversation, Dialect, cut

GITLAB = Dialect("gitlab", "GitLab", {"Accept": "application/json"})
LONGEST_BODY, LONGEST_TEXT, LONGEST_TITLE = 1_000_000, 255, 255
_PULL_PAGES, _NOTE_PAGES, _FILE_PAGES = 3, 10, 30
_STATES = {State.PENDING: "pending", State.SUCCESS: "success", State.FAILURE: "failed"}
_EMOJI = {"+1": "thumbsup", "-1": "thumbsdown", "hooray": "tada", "laugh": "laughing"}
_DEVELOPER = 30


class GitLab:
    """One project; checks are statuses, for GitLab has no others from outside."""

    def __init__(self, conversation: Conversation, repository: str) -> None:
        self._talk = conversation
        self._at = f"/projects/{quote(repository, safe='')}"
        self._login = ""

    async def pull(self, number: int) -> Pull:
        """Return a merge request as it is now."""
        told = (await self._talk.ask("GET", f"{self._at}/merge_requests/{number}")).body
        with self._talk.read("a merge request"):
            base = reading.text(told, "target_branch")
        head = await self._head(base)
        with self._talk.read("a merge request"):
            return _pull(told, head)

    async def open_pulls(self, base: str) -> Sequence[Pull]:
        """Return the open merge requests into a branch, newest first, 300 at most."""
        asked = {"state": "opened", "target_branch": base}
        asked |= {"order_by": "created_at", "sort": "desc"}
        found = await self._all(f"{self._at}/merge_requests", _PULL_PAGES, asked)
        head = await self._head(base) if found else ""
        with self._talk.read("a list of merge requests"):
            return [_pull(each, head) for each in found]

    async def files(self, number: int) -> Sequence[str]:
        """Return the paths that a merge request touches, of 3,000 files at most; moved by both."""
        found = await self._all(f"{self._at}/merge_requests/{number}/diffs", _FILE_PAGES)
        with self._talk.read("a list of files"):
            paths = [reading.text(each, end) for each in found for end in ("new_path", "old_path")]
        return list(dict.fromkeys(paths))

    async def status(self, sha: str, context: str, state: State, text: str, url: str) -> None:
        """Say how a commit stands in a context.

        GitLab does not take a state that the commit has already; then its text stays, too.
        """
        told = {"state": _STATES[state], "name": context, "description": cut(text, LONGEST_TEXT)}
        told |= {"target_url": url} if url else {}
        try:
            await self._talk.ask("POST", f"{self._at}/statuses/{sha}", told)
        except Invalid as error:
            if "Cannot transition status" not in str(error):
                raise

    async def check(self, told: Check, id_: int | None = None) -> int:
        """Say a check as a status; return 0."""
        await self.status(told.sha, told.name, told.state, told.title, told.url)
        return 0

    async def find_check(self, sha: str, name: str) -> int | None:
        """Return None: a status is not made twice."""
        return None

    async def comments(self, number: int) -> Sequence[Comment]:
        """Return the notes that people wrote on a merge request, oldest first, 1,000 at most."""
        path = f"{self._at}/merge_requests/{number}/notes"
        found = await self._all(path, _NOTE_PAGES, {"sort": "asc", "order_by": "created_at"})
        me = await self.login()
        with self._talk.read("a list of notes"):
            return [_comment(each, number, me) for each in found if each.get("system") is not True]

    async def comment(self, number: int, body: str, id_: int | None = None) -> int:
        """Write a note, or one again by its id; return its id."""
        path, told = f"{self._at}/merge_requests/{number}/notes", {"body": cut(body, LONGEST_BODY)}
        if id_ is None:
            answer = await self._talk.ask("POST", path, told)
        else:
            answer = await self._talk.ask("PUT", f"{path}/{note.parted(id_)[1]}", told)
        with self._talk.read("a note"):
            return note.joined(number, reading.number(answer.body, "id"))

    async def react(self, comment: int, word: str) -> None:
        """Answer a note by an emoji, in GitHub's words for them; once is as good as twice."""
        number, id_ = note.parted(comment)
        path = f"{self._at}/merge_requests/{number}/notes/{id_}/award_emoji"
        try:
            await self._talk.ask("POST", path, {"name": _EMOJI.get(word, word)})
        except (Invalid, NotFound) as error:
            if "already been taken" not in str(error):
                raise

    async def approvers(self, number: int, head: str) -> Sequence[str]:
        """Return nobody: GitLab does not tell of which commit an approval is."""
        return ()

    async def may_write(self, login: str) -> bool:
        """True if somebody is a developer of the project, or more."""
        found = await self._member(self._at, login)
        with self._talk.read("a member"):
            return found is not None and reading.number(found, "access_level") >= _DEVELOPER

    async def is_member(self, login: str, team: str) -> bool:
        """True if somebody is of a group, or of one above it, as `acme/payments`."""
        found = await self._member(f"/groups/{quote(team, safe='')}", login)
        return found is not None and reading.words(found, "state") == "active"

    async def open_pull(self, branch: str, base: str, title: str, body: str) -> int:
        """Ask for a branch to be merged; return the number, that of the open one if there is."""
        ends = {"source_branch": branch, "target_branch": base}
        told = {**ends, "title": cut(title, LONGEST_TITLE), "description": cut(body, LONGEST_BODY)}
        try:
            answer = await self._talk.ask("POST", f"{self._at}/merge_requests", told)
        except Invalid:
            asked = {"state": "opened", **ends}
            found = await self._all(f"{self._at}/merge_requests", 1, asked)
            if not found:
                raise
            with self._talk.read("a list of merge requests"):
                return reading.number(found[0], "iid")
        with self._talk.read("a merge request"):
            return reading.number(answer.body, "iid")

    async def authorization(self) -> str:
        """Return the value of the `Authorization` header by which Git may fetch now."""
        token = await self._talk.credential.token()
        return f"Basic {base64.b64encode(f'oauth2:{token}'.encode()).decode()}"

    async def login(self) -> str:
        """Return who writes here."""
        if not self._login:
            answer = await self._talk.ask("GET", "/user")
            with self._talk.read("a user"):
                self._login = reading.text(answer.body, "username")
        return self._login

    async def _head(self, branch: str) -> str:
        path = f"{self._at}/repository/branches/{quote(branch, safe='')}"
        answer = await self._talk.ask("GET", path)
        with self._talk.read("a branch"):
            return reading.text(answer.body, "commit", "id")

    async def _member(self, at: str, login: str) -> Json:
        """Return somebody's membership of a project or a group, None if there is none."""
        found = (await self._talk.ask("GET", f"/users?{urlencode({'username': login})}")).body
        with self._talk.read("a list of users"):
            ids = [reading.number(each, "id") for each in reading.rows(found)]
        try:
            return (await self._talk.ask("GET", f"{at}/members/all/{ids[0]}")).body if ids else None
        except NotFound:
            return None

    async def _all(
        self, path: str, pages: int, asked: Mapping[str, str] | None = None
    ) -> Sequence[Mapping[str, Json]]:
        query = urlencode({**(asked or {}), "per_page": PAGE})
        return [each async for page in self._talk.pages(f"{path}?{query}", pages) for each in page]


def _pull(told: Json, base_sha: str) -> Pull:
    source, target = (reading.field(told, f"{end}_project_id") for end in ("source", "target"))
    state = reading.text(told, "state")
    # In this order: what a merge made, what a squash made, what went in as it was.
    merged = (reading.words(told, f"{kind}sha") for kind in ("merge_commit_", "squash_commit_", ""))
    return Pull(
        number=reading.number(told, "iid"),
        title=reading.text(told, "title"),
        author=reading.words(told, "author", "username") or "ghost",
        base=reading.text(told, "target_branch"),
        base_sha=base_sha,
        head_sha=reading.text(told, "sha"),
        is_fork=source != target,
        is_draft=reading.field(told, "draft") is True,
        is_open=state == "opened",
        merged_sha=next(filter(None, merged), "") if state == "merged" else "",
    )


def _comment(told: Json, number: int, me: str) -> Comment:
    author = reading.words(told, "author", "username") or "ghost"
    id_, body = note.joined(number, reading.number(told, "id")), reading.words(told, "body")
    return Comment(id_, author, body, author.lower() == me.lower())
