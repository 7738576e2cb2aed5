"""GitHub: pull requests, checks, comments and statuses of one repository by its REST API.

Source: docs.github.com/rest, version 2022-11-28. The same serves GitHub Enterprise Server.
"""

import base64
from collections.abc import Container, Mapping, Sequence
from urllib.parse import quote, urlencode

from engine.core.values import Json
from engine.errors import Denied, Invalid, NotFound
from engine.forge import reading
from engine.forge.app import Installation
from engine.forge.contract import Annotation, Check, Comment, Pull, State
from engine.forge.conversation import PAGE, Conversation, Dialect, cut

GITHUB = Dialect(
    "github",
    "GitHub",
    {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
)
# GitHub's own limits, in characters.
LONGEST_BODY, LONGEST_TEXT, LONGEST_TITLE = 65_535, 140, 255
_ANNOTATIONS, _MOST_ANNOTATIONS = 50, 200
_WORST = ("failure", "warning", "notice")
# Reviews that say neither yes nor no, at GitHub and at Gitea.
_NO_VERDICT = frozenset({"COMMENTED", "COMMENT", "PENDING", "REQUEST_REVIEW"})
_APPROVED = "APPROVED"
MOST_PULLS, MOST_COMMENTS, MOST_FILES, MOST_WRITERS = 300, 1000, 3000, 1000
_FEW = 20  # approvers, none of whom can be crowded out


class GitHub:
    """One repository. With a token in place of an app, checks are statuses: GitHub wants it so.

    `writer` is who writes by a token that may not ask for that, as the one of a job.
    """

    # What asks for pages of a size, and the largest that there are.
    page = "per_page", PAGE
    writers = frozenset({"admin", "write"})
    # What lists who may push, below the repository, and what asks it for no others.
    writing: tuple[str, Mapping[str, str]] = ("collaborators", {"permission": "push"})

    def __init__(
        self, conversation: Conversation, repository: str, app: Installation | None = None,
        writer: str = "",
    ) -> None:  # fmt: skip
        self._talk = conversation
        self._at = f"/repos/{repository}"
        self._owner = repository.partition("/")[0]
        self._app = app
        self._writer = writer
        self._login = ""

    async def pull(self, number: int) -> Pull:
        """Return a pull request as it is now."""
        answer = await self._talk.ask("GET", f"{self._at}/pulls/{number}")
        with self._talk.read("a pull request"):
            return pull_of(answer.body)

    async def open_pulls(self, base: str) -> Sequence[Pull]:
        """Return the open pull requests into a branch, newest first, 300 at most."""
        asked = {"state": "open", "base": base, "sort": "created", "direction": "desc"}
        found = await self._all(f"{self._at}/pulls", MOST_PULLS, asked)
        with self._talk.read("a list of pull requests"):
            return [pull_of(each) for each in found]

    async def files(self, number: int) -> Sequence[str]:
        """Return the paths that a pull request touches, moved files by both, of 3,000 at most."""
        found = await self._all(f"{self._at}/pulls/{number}/files", MOST_FILES)
        with self._talk.read("a list of files"):
            paths = [reading.text(each, "filename") for each in found]
        moved = [reading.words(each, "previous_filename") for each in found]
        return list(dict.fromkeys([*paths, *filter(None, moved)]))

    async def status(self, sha: str, context: str, state: State, text: str, url: str) -> None:
        """Say how a commit stands in a context."""
        told = {"state": state.value, "context": context, "description": cut(text, LONGEST_TEXT)}
        told |= {"target_url": url} if url else {}
        await self._talk.ask("POST", f"{self._at}/statuses/{sha}", told)

    async def check(self, told: Check, id_: int | None = None) -> int:
        """Make a check, or write one again by its id; return its id, 0 of a status.

        Annotations go in batches of 50, the worst 200 of them. GitHub adds them to those that a
        check has; the conclusion comes with the last batch.
        """
        if self._app is None:
            state = told.state
            await self.status(told.sha, told.name, state, told.title, told.url)
            return 0
        worst = sorted(told.annotations, key=lambda each: _WORST.index(each.level))
        worst = worst[:_MOST_ANNOTATIONS]
        batches = [worst[at : at + _ANNOTATIONS] for at in range(0, len(worst), _ANNOTATIONS)]
        for batch in (batches or [[]])[:-1]:
            id_ = await self._write_check(told, batch, id_, done=False)
        return await self._write_check(told, batches[-1] if batches else [], id_, done=True)

    async def find_check(self, sha: str, name: str) -> int | None:
        """Return the latest check of ours of this name on a commit, if there is one."""
        if self._app is None:
            return None
        asked, me = {"check_name": name, "filter": "latest"}, await self.login()
        path = f"{self._at}/commits/{sha}/check-runs?{urlencode(asked)}"
        answer = await self._talk.ask("GET", path)
        with self._talk.read("a list of checks"):
            found = reading.rows(reading.field(answer.body, "check_runs"))
            ours = [each for each in found if f"{reading.words(each, 'app', 'slug')}[bot]" == me]
            return max((reading.number(each, "id") for each in ours), default=None)

    async def comments(self, number: int) -> Sequence[Comment]:
        """Return the comments of a pull request, oldest first, 1,000 at most."""
        path = f"{self._at}/issues/{number}/comments"
        found, me = await self._all(path, MOST_COMMENTS), await self.login()
        with self._talk.read("a list of comments"):
            return [_comment(each, me) for each in found]

    async def comment(self, number: int, body: str, id_: int | None = None) -> int:
        """Write a comment, or one again by its id; return its id."""
        at, told = f"{self._at}/issues", {"body": cut(body, LONGEST_BODY)}
        if id_ is None:
            answer = await self._talk.ask("POST", f"{at}/{number}/comments", told)
        else:
            answer = await self._talk.ask("PATCH", f"{at}/comments/{id_}", told)
        with self._talk.read("a comment"):
            return reading.number(answer.body, "id")

    async def react(self, comment: int, word: str) -> None:
        """Answer a comment by an emoji: +1, -1, laugh, confused, heart, hooray, rocket or eyes."""
        path = f"{self._at}/issues/comments/{comment}/reactions"
        await self._talk.ask("POST", path, {"content": word})

    async def approvers(self, number: int, head: str) -> Sequence[str]:
        """Return who approves a pull request at this head, by the newest word of each.

        A mere comment takes no word back. Of more reviews than are read nobody knows the newest.
        Of many approvers those come first who may push, so that strangers crowd nobody out.
        """
        found = await self._all(f"{self._at}/pulls/{number}/reviews", MOST_COMMENTS)
        if len(found) >= MOST_COMMENTS:
            return ()
        latest: dict[str, bool] = {}
        with self._talk.read("a list of reviews"):
            for each in found:
                state, who = reading.text(each, "state"), reading.words(each, "user", "login")
                if state not in _NO_VERDICT:
                    is_now = reading.words(each, "commit_id") == head
                    is_kept = each.get("dismissed") is not True
                    latest[who] = state == _APPROVED and is_now and is_kept
        told = [who for who, approves in latest.items() if who and approves]
        if len(told) <= _FEW:
            return told
        writers = await self._writers()
        return sorted(told, key=lambda who: who.lower() not in writers)

    async def may_write(self, login: str) -> bool:
        """True if somebody may push to the repository."""
        path = f"{self._at}/collaborators/{quote(login, safe='')}/permission"
        try:
            answer = await self._talk.ask("GET", path)
        except NotFound:
            return False
        with self._talk.read("a permission"):
            return reading.text(answer.body, "permission") in self.writers

    async def is_member(self, login: str, team: str) -> bool:
        """True if somebody is of a team, as `acme/payments`; invited is not yet in it."""
        owner, _, slug = team.rpartition("/")
        at = f"/orgs/{quote(owner or self._owner, safe='')}/teams/{quote(slug, safe='')}"
        try:
            answer = await self._talk.ask("GET", f"{at}/memberships/{quote(login, safe='')}")
        except NotFound:
            return False
        with self._talk.read("a membership"):
            return reading.text(answer.body, "state") == "active"

    async def _writers(self) -> Container[str]:
        """Return who may push, in small letters: 1,000 at most, nobody where that is not told."""
        path, asked = self.writing
        try:
            found = await self._all(f"{self._at}/{path}", MOST_WRITERS, asked)
        except (Denied, NotFound):
            return ()
        return {reading.words(each, "login").lower() for each in found}

    async def open_pull(self, branch: str, base: str, title: str, body: str) -> int:
        """Ask for a branch to be merged; return the number, that of the open one if there is."""
        try:
            return await self._make_pull(branch, base, title, body)
        except Invalid:
            asked = {"state": "open", "head": f"{self._owner}:{branch}", "base": base}
            found = await self._all(f"{self._at}/pulls", PAGE, asked)
            if not found:
                raise
        with self._talk.read("a list of pull requests"):
            return reading.number(found[0], "number")

    async def authorization(self) -> str:
        """Return the value of the `Authorization` header by which Git may fetch now."""
        token = await self._talk.credential.token()
        return f"Basic {base64.b64encode(f'x-access-token:{token}'.encode()).decode()}"

    async def login(self) -> str:
        """Return who writes here, as its comments say."""
        if self._app is not None:
            return await self._app.login()
        if not self._login:
            try:
                answer = await self._talk.ask("GET", "/user")
            except Denied as denied:
                if self._writer:
                    return self._writer
                raise Denied(f"{denied}: a token must be a user's; or set up an app") from None
            with self._talk.read("a user"):
                self._login = reading.text(answer.body, "login")
        return self._login

    async def _make_pull(self, branch: str, base: str, title: str, body: str) -> int:
        told = {"head": branch, "base": base, "title": cut(title, LONGEST_TITLE)}
        told["body"] = cut(body, LONGEST_BODY)
        answer = await self._talk.ask("POST", f"{self._at}/pulls", told)
        with self._talk.read("a pull request"):
            return reading.number(answer.body, "number")

    async def _write_check(
        self, told: Check, batch: Sequence[Annotation], id_: int | None, done: bool
    ) -> int:
        body = _check(told, batch, done)
        if id_ is None:
            body["head_sha"] = told.sha
            answer = await self._talk.ask("POST", f"{self._at}/check-runs", body)
        else:
            answer = await self._talk.ask("PATCH", f"{self._at}/check-runs/{id_}", body)
        with self._talk.read("a check"):
            return reading.number(answer.body, "id")

    async def _all(
        self, path: str, most: int, asked: Mapping[str, str] | None = None
    ) -> Sequence[Mapping[str, Json]]:
        """Return the first rows of a list, `most` of them at most."""
        name, size = self.page
        query = urlencode({**(asked or {}), name: size})
        pages = self._talk.pages(f"{path}?{query}", -(-most // size))
        return [each async for page in pages for each in page]


def pull_of(told: Json) -> Pull:
    head, base = (
        reading.field(told, "head", "repo", "id"),
        reading.number(told, "base", "repo", "id"),
    )
    is_merged = reading.field(told, "merged_at") is not None
    return Pull(
        number=reading.number(told, "number"),
        title=reading.text(told, "title"),
        author=reading.words(told, "user", "login") or "ghost",
        base=reading.text(told, "base", "ref"),
        base_sha=reading.text(told, "base", "sha"),
        head_sha=reading.text(told, "head", "sha"),
        is_fork=head != base,
        is_draft=reading.field(told, "draft") is True,
        is_open=reading.text(told, "state") == "open",
        merged_sha=reading.words(told, "merge_commit_sha") if is_merged else "",
    )


def _comment(told: Json, me: str) -> Comment:
    # GitHub shows what people leave behind who have gone as a ghost's.
    author = reading.words(told, "user", "login") or "ghost"
    id_, body = reading.number(told, "id"), reading.words(told, "body")
    return Comment(id_, author, body, author.lower() == me.lower())


def _check(told: Check, batch: Sequence[Annotation], done: bool) -> dict[str, Json]:
    """Return a check as GitHub is told of it; with nothing more to come it has its conclusion."""
    output: dict[str, Json] = {
        "title": cut(told.title, LONGEST_TITLE),
        "summary": cut(told.summary, LONGEST_BODY),
    }
    if told.text:
        output["text"] = cut(told.text, LONGEST_BODY)
    if batch:
        output["annotations"] = [_annotation(each) for each in batch]
    body: dict[str, Json] = {"name": told.name, "output": output}
    if told.url:
        body["details_url"] = told.url
    if done and told.cancelled:
        return {**body, "status": "completed", "conclusion": "cancelled"}
    if done and told.conclusion is not None:
        return {**body, "status": "completed", "conclusion": told.conclusion.value}
    return {**body, "status": "in_progress"}


def _annotation(told: Annotation) -> Json:
    return {
        "path": told.path,
        "start_line": told.line,
        "end_line": told.line,
        "annotation_level": told.level,
        "title": cut(told.title, LONGEST_TITLE),
        "message": cut(told.message, LONGEST_BODY),
    }
