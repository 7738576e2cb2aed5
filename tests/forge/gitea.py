"""A small Gitea for tests: one repository, with pull requests, comments, statuses and people.

Source: docs.gitea.com/api/1.24, which Forgejo keeps to.
"""

from typing import Any

from tests.forge import shapes
from tests.forge.serving import Fake, Reply, Request, Route, page, route

TOKEN = "gitea-token-of-ann"


class FakeGitea(Fake):
    """A Gitea with the repository `acme/shop`; `levels` are the permissions of people."""

    repository = "acme/shop"

    def __init__(self) -> None:
        self.levels = {"ann": "owner", "dana": "write", "eve": "read"}
        self.teams: dict[str, set[str]] = {}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.changed: dict[int, list[dict[str, Any]]] = {}
        self.comments: list[dict[str, Any]] = []
        self.reviews: dict[int, list[dict[str, Any]]] = {}
        self.reactions: list[tuple[int, str]] = []
        self.statuses: list[dict[str, Any]] = []
        super().__init__()

    @property
    def api(self) -> str:
        """Return the URL of its API."""
        return f"{self.url}/api/v1"

    def routes(self) -> list[Route]:
        """Return what of Gitea's API there is."""
        at = f"/api/v1/repos/{self.repository}"
        return [
            route("GET", "/api/v1/user", lambda _: Reply(200, shapes.user("ann"))),
            route("GET", f"{at}/pulls", self._listed),
            route("POST", f"{at}/pulls", self._open),
            route("GET", f"{at}/pulls/*", lambda _, n: self._found(self.pulls.get(int(n)))),
            route("GET", f"{at}/pulls/*/files", self._files),
            route("GET", f"{at}/pulls/*/reviews", self._reviewed),
            route("GET", f"{at}/issues/*/comments", self._commented),
            route("POST", f"{at}/issues/*/comments", self._comment),
            route("PATCH", f"{at}/issues/comments/*", self._edit),
            route("POST", f"{at}/issues/comments/*/reactions", self._react),
            route("POST", f"{at}/statuses/*", self._status),
            route("GET", f"{at}/assignees", self._assignees),
            route("GET", f"{at}/collaborators/*/permission", self._permission),
            route("GET", "/api/v1/orgs/*/teams/search", self._teams),
            route("GET", "/api/v1/teams/*/members/*", self._member),
        ]

    def pull(self, head: str, *, branch: str = "change", fork: bool = False, **told: Any) -> int:
        """Open a pull request; return its number."""
        number = len(self.pulls) + 1
        mine, other = shapes.repository(self.repository, 1), shapes.repository("eve/shop", 2)
        ends = (
            shapes.end(branch, head, other if fork else mine),
            shapes.end("main", "b" * 40, mine),
        )
        known = {"title": "Tune invoice export", "author": "dana"}
        made = shapes.pull(self.api, self.repository, number, *ends, known)
        self.pulls[number] = {**made, "merge_commit_sha": None, **told}
        return number

    def review(self, number: int, login: str, state: str = "APPROVED", sha: str = "",
               **told: Any) -> None:  # fmt: skip
        """Review a pull request as somebody: its head, unless told another commit."""
        found = self.reviews.setdefault(number, [])
        sha = sha or str(self.pulls[number]["head"]["sha"])
        known = {"dismissed": False, "stale": False, "official": True}
        found.append({**shapes.review(len(found) + 80, login, state, sha), **known, **told})

    def say(self, number: int, body: str, login: str = "dana") -> int:
        """Comment as somebody; return the comment's id."""
        id_ = len(self.comments) + 1
        told = shapes.comment(self.api, self.repository, number, id_, login, body, None)
        self.comments.append(told)
        return id_

    def texts(self, number: int) -> list[str]:
        """Return the comments of a pull request, the oldest first."""
        end = f"/issues/{number}"
        return [each["body"] for each in self.comments if each["issue_url"].endswith(end)]

    def told(self, context: str) -> list[tuple[str, str, str]]:
        """Return what was said in a context: commit, state and text, the oldest first."""
        found = [each for each in self.statuses if each["context"] == context]
        return [(each["sha"], each["state"], each["description"]) for each in found]

    def _answer(self, request: Request) -> Reply:
        if request.token != TOKEN:
            return self.refuse(401, "invalid username, password or token")
        return super()._answer(request)

    def _found(self, told: Any) -> Reply:
        return self.refuse(404, "not found") if told is None else Reply(200, told)

    def _listed(self, request: Request) -> Reply:
        found = [e for e in self.pulls.values() if e["state"] == request.query["state"]]
        return page(request, found, self.url)

    def _open(self, request: Request) -> Reply:
        told = request.body
        if any(each["head"]["ref"] == told["head"] for each in self.pulls.values()):
            return self.refuse(409, "pull request already exists for these targets")
        number = self.pull("5" * 40, branch=told["head"], title=told["title"], body=told["body"])
        return Reply(201, self.pulls[number])

    def _reviewed(self, request: Request, number: str) -> Reply:
        return page(request, self.reviews.get(int(number), []), self.url)

    def _files(self, request: Request, number: str) -> Reply:
        return page(request, self.changed.get(int(number), []), self.url)

    def _commented(self, _: Request, number: str) -> Reply:
        end = f"/issues/{number}"
        return Reply(200, [each for each in self.comments if each["issue_url"].endswith(end)])

    def _comment(self, request: Request, number: str) -> Reply:
        self.say(int(number), request.body["body"], "ann")
        return Reply(201, self.comments[-1])

    def _edit(self, request: Request, id_: str) -> Reply:
        self.comments[int(id_) - 1]["body"] = request.body["body"]
        return Reply(200, self.comments[int(id_) - 1])

    def _react(self, request: Request, id_: str) -> Reply:
        told = (int(id_), request.body["content"])
        is_new = told not in self.reactions
        self.reactions += [told] * is_new
        return Reply(201 if is_new else 200, {"content": told[1], "user": shapes.user("ann")})

    def _status(self, request: Request, sha: str) -> Reply:
        told = {"sha": sha, "id": len(self.statuses), **request.body}
        self.statuses.append(told)
        return Reply(201, {**told, "status": told["state"]})

    def _permission(self, _: Request, login: str) -> Reply:
        level = self.levels.get(login)
        return self._found(level and {"permission": level, "role_name": level})

    def _assignees(self, _: Request) -> Reply:
        return Reply(200, [shapes.user(e) for e, level in self.levels.items() if level != "read"])

    def _teams(self, request: Request, org: str) -> Reply:
        names = [each for each in self.teams if each.startswith(f"{org}/{request.query['q']}")]
        told = [{"id": n, "name": each.partition("/")[2]} for n, each in enumerate(self.teams)
                if each in names]  # fmt: skip
        return Reply(200, {"ok": True, "data": told})

    def _member(self, _: Request, id_: str, login: str) -> Reply:
        members = list(self.teams.values())[int(id_)]
        return self._found(shapes.user(login) if login in members else None)
