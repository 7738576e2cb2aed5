"""A small GitHub for tests: `with FakeGitHub() as hub`, or `python -m tests.forge.github`.

It keeps one repository, refuses what GitHub refuses, and tells what deliveries would say.
"""

import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.forge import proof, shapes
from tests.forge.serving import Fake, Reply, Request, Route, page, route, stamp

TOKEN, LOGIN = "github_pat_of-ann", "ann"
SLUG, APP_ID, INSTALLATION = "sark-acme", 29310, 57
REACTIONS = frozenset({"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"})


class FakeGitHub(Fake):
    """A GitHub with one repository, one app in it, and tokens of people.

    `tokens` are logins by token, `permissions` are `admin`, `write` or `read` by login, `teams`
    members by team, those after `invited:` not yet. `life` is that of an app's token.
    """

    def __init__(self, repository: str = "acme/shop", port: int = 0) -> None:
        self.repository = repository
        self.tokens = {TOKEN: LOGIN}
        self.permissions = {LOGIN: "admin", "dana": "write", "eve": "read"}
        self.teams: dict[str, set[str]] = {}
        self.is_installed = True
        self.life = timedelta(hours=1)
        self.granted: dict[str, datetime] = {}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.changed: dict[int, list[dict[str, Any]]] = {}
        self.comments: list[dict[str, Any]] = []
        self.checks: dict[int, dict[str, Any]] = {}
        self.annotations: dict[int, list[dict[str, Any]]] = {}
        self.statuses: list[dict[str, Any]] = []
        self.reactions: list[tuple[int, str]] = []
        self.reviews: dict[int, list[dict[str, Any]]] = {}
        self._repo = shapes.repository(repository, 1)
        self._fork = shapes.repository(f"eve/{repository.partition('/')[2]}", 2)
        self._app = shapes.app(APP_ID, SLUG)
        self._key = proof.Key()
        super().__init__(port)

    def routes(self) -> list[Route]:
        """Return what of GitHub's API there is."""
        at = f"/repos/{self.repository}"
        return [
            route("GET", "/app", self._who_is_app),
            route("GET", f"{at}/installation", self._installation),
            route("POST", "/app/installations/*/access_tokens", self._grant),
            route("GET", "/user", self._user),
            route("GET", f"{at}/pulls", self._pulls),
            route("POST", f"{at}/pulls", self._open),
            route("GET", f"{at}/pulls/*", self._pull),
            route("GET", f"{at}/pulls/*/files", self._files),
            route("GET", f"{at}/pulls/*/reviews", self._reviews),
            route("GET", f"{at}/issues/*/comments", self._comments),
            route("POST", f"{at}/issues/*/comments", self._say),
            route("GET", f"{at}/issues/comments/*", self._comment),
            route("PATCH", f"{at}/issues/comments/*", self._edit),
            route("POST", f"{at}/issues/comments/*/reactions", self._react),
            route("POST", f"{at}/statuses/*", self._status),
            route("POST", f"{at}/check-runs", self._check),
            route("PATCH", f"{at}/check-runs/*", self._recheck),
            route("GET", f"{at}/commits/*/check-runs", self._checks),
            route("GET", f"{at}/collaborators", self._collaborators),
            route("GET", f"{at}/collaborators/*/permission", self._permission),
            route("GET", "/orgs/*/teams/*/memberships/*", self._membership),
        ]

    # What a test does.

    def key_file(self, folder: Path) -> Path:
        """Write the app's private key, as GitHub hands it out, and return where."""
        file = folder / "app.pem"
        file.write_bytes(self._key.pem)
        return file

    def revoke(self) -> None:
        """Let no token of the app be known any more."""
        with self.lock:
            self.granted.clear()

    def pull(
        self, head: str, base_sha: str, *, number: int = 0, branch: str = "change",
        base: str = "main", title: str = "Tune invoice export", author: str = "dana",
        fork: bool = False, draft: bool = False,
    ) -> int:  # fmt: skip
        """Open a pull request; return its number."""
        with self.lock:
            number = number or max(self.pulls, default=481) + 1
            repo = self._fork if fork else self._repo
            ends = shapes.end(branch, head, repo), shapes.end(base, base_sha, self._repo)
            told = {"title": title, "author": author, "draft": draft}
            self.pulls[number] = shapes.pull(self.url, self.repository, number, *ends, told)
            return number

    def push(self, number: int, sha: str) -> None:
        """Give a pull request a newer head."""
        with self.lock:
            self.pulls[number]["head"]["sha"] = sha

    def close(self, number: int, merged: str = "") -> None:
        """Close a pull request, merged as a commit or not."""
        with self.lock:
            told = self.pulls[number]
            told |= {"state": "closed", "closed_at": stamp()}
            if merged:
                told |= {"merged": True, "merged_at": stamp(), "merge_commit_sha": merged}

    def say(self, number: int, body: str, login: str = "dana") -> int:
        """Comment as somebody; return the comment's id."""
        with self.lock:
            id_, app = len(self.comments) + 1, self._app if login == f"{SLUG}[bot]" else None
            told = shapes.comment(self.url, self.repository, number, id_, login, body, app)
            self.comments.append(told)
            return id_

    def review(self, number: int, login: str, state: str = "APPROVED", sha: str = "") -> None:
        """Review a pull request as somebody: its head, unless told another commit."""
        with self.lock:
            told = self.reviews.setdefault(number, [])
            told.append(shapes.review(len(told) + 80, login, state,
                                      sha or self.pulls[number]["head"]["sha"]))  # fmt: skip

    def texts(self, number: int) -> list[str]:
        """Return the comments of a pull request, the oldest first."""
        return [each["body"] for each in self._of(number)]

    def told(self, context: str) -> list[tuple[str, str, str]]:
        """Return what was said in a context: commit, state and text, the oldest first."""
        return [
            (each["sha"], each["state"], each["description"])
            for each in self.statuses
            if each["context"] == context
        ]

    def kept(self) -> Any:
        """Return all that is kept."""
        return {
            "pulls": list(self.pulls.values()),
            "comments": self.comments,
            "checks": list(self.checks.values()),
            "annotations": {str(id_): each for id_, each in self.annotations.items()},
            "statuses": self.statuses,
            "reactions": self.reactions,
        }

    # What GitHub would deliver, by the name of its event.

    def pull_request(self, action: str, number: int) -> dict[str, Any]:
        """Return the payload of `pull_request`."""
        told = self.pulls[number]
        return self._event(action, told["user"], number=number, pull_request=told)

    def issue_comment(self, action: str, id_: int) -> dict[str, Any]:
        """Return the payload of `issue_comment`."""
        told = self.comments[id_ - 1]
        number = int(told["issue_url"].rpartition("/")[2])
        issue = {"number": number, "title": self.pulls[number]["title"],
                 "user": self.pulls[number]["user"], "state": self.pulls[number]["state"],
                 "pull_request": {"url": self.pulls[number]["url"]}}  # fmt: skip
        return self._event(action, told["user"], issue=issue, comment=told)

    def pull_request_review(self, action: str, number: int) -> dict[str, Any]:
        """Return the payload of `pull_request_review`, of the latest review."""
        told = self.reviews[number][-1]
        return self._event(action, told["user"], review=told, pull_request=self.pulls[number])

    def check_run(self, action: str, id_: int) -> dict[str, Any]:
        """Return the payload of `check_run`, as `rerequested`."""
        return self._event(action, shapes.user("dana"), check_run=self.checks[id_])

    def _event(self, action: str, sender: dict[str, Any], **told: Any) -> dict[str, Any]:
        return {"action": action, **told, "repository": self._repo, "sender": sender,
                "installation": {"id": INSTALLATION}}  # fmt: skip

    # How it answers.

    def refuse(self, status: int, message: str) -> Reply:
        """Return a refusal as GitHub writes it."""
        told = {"message": message, "documentation_url": shapes.DOCS, "status": str(status)}
        return Reply(status, told)

    def _answer(self, request: Request) -> Reply:
        is_app = request.path.startswith("/app") or request.path.endswith("/installation")
        if self.is_down:
            return super()._answer(request)
        if is_app and not self._key.signed(request.token, APP_ID):
            return self.refuse(401, "A JSON web token could not be decoded")
        if not is_app and not self._login(request):
            return self.refuse(401, "Bad credentials")
        return super()._answer(request)

    def _login(self, request: Request) -> str:
        until = self.granted.get(request.token)
        if until is not None and datetime.now(UTC) < until:
            return f"{SLUG}[bot]"
        return self.tokens.get(request.token, "")

    def _is_app(self, request: Request) -> bool:
        return request.token in self.granted

    def _who_is_app(self, _: Request) -> Reply:
        return Reply(200, self._app)

    def _installation(self, _: Request) -> Reply:
        if not self.is_installed:
            return self.refuse(404, "Not Found")
        return Reply(200, {"id": INSTALLATION, "app_id": APP_ID, "app_slug": SLUG,
                           "repository_selection": "selected"})  # fmt: skip

    def _grant(self, request: Request, number: str) -> Reply:
        if int(number) != INSTALLATION or not self.is_installed:
            return self.refuse(404, "Not Found")
        token = f"ghs_{len(self.asked('POST /app/installations'))}-of-the-app"
        until = datetime.now(UTC) + self.life
        self.granted[token] = until
        told = {"token": token, "expires_at": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "permissions": self._app["permissions"], "repository_selection": "selected",
                "repositories": [self._repo]}  # fmt: skip
        return Reply(201, told)

    def _user(self, request: Request) -> Reply:
        if self._is_app(request):
            return self.refuse(403, "Resource not accessible by integration")
        return Reply(200, shapes.user(self._login(request)))

    def _pulls(self, request: Request) -> Reply:
        asked = request.query
        found = [
            each
            for _, each in sorted(self.pulls.items(), reverse=asked.get("direction") == "desc")
            if asked.get("state", "open") in (each["state"], "all")
            and asked.get("base") in (None, each["base"]["ref"])
            and asked.get("head") in (None, each["head"]["label"])
        ]
        # What a list does not tell of each.
        hidden = {"merged", "mergeable", "mergeable_state"}
        short = [{k: v for k, v in each.items() if k not in hidden} for each in found]
        return page(request, short, self.url)

    def _open(self, request: Request) -> Reply:
        told = request.body
        label = f"{self._repo['owner']['login']}:{told['head']}"
        if any(e["head"]["label"] == label and e["state"] == "open" for e in self.pulls.values()):
            return _invalid("PullRequest", f"A pull request already exists for {label}.")
        author = self._login(request)
        number = self.pull("5" * 40, "4" * 40, branch=told["head"], base=told["base"],
                           title=told["title"], author=author)  # fmt: skip
        self.pulls[number]["body"] = told.get("body")
        return Reply(201, self.pulls[number])

    def _pull(self, _: Request, number: str) -> Reply:
        found = self.pulls.get(int(number))
        return self.refuse(404, "Not Found") if found is None else Reply(200, found)

    def _reviews(self, request: Request, number: str) -> Reply:
        return page(request, self.reviews.get(int(number), []), self.url)

    def _files(self, request: Request, number: str) -> Reply:
        return page(request, self.changed.get(int(number), []), self.url)

    def _comments(self, request: Request, number: str) -> Reply:
        return page(request, self._of(int(number)), self.url)

    def _of(self, number: int) -> list[dict[str, Any]]:
        end = f"/issues/{number}"
        return [each for each in self.comments if each["issue_url"].endswith(end)]

    def _say(self, request: Request, number: str) -> Reply:
        if int(number) not in self.pulls:
            return self.refuse(404, "Not Found")
        if len(request.body["body"]) > 65_536:
            return _invalid("IssueComment", "Body is too long (maximum is 65536 characters)")
        id_ = self.say(int(number), request.body["body"], self._login(request))
        return Reply(201, self.comments[id_ - 1])

    def _comment(self, _: Request, id_: str) -> Reply:
        if not 0 < int(id_) <= len(self.comments):
            return self.refuse(404, "Not Found")
        return Reply(200, self.comments[int(id_) - 1])

    def _edit(self, request: Request, id_: str) -> Reply:
        if not 0 < int(id_) <= len(self.comments):
            return self.refuse(404, "Not Found")
        found = self.comments[int(id_) - 1]
        login = self._login(request)
        if found["user"]["login"] != login and self.permissions.get(login) != "admin":
            return self.refuse(403, "Resource not accessible by integration")
        if len(request.body["body"]) > 65_536:
            return _invalid("IssueComment", "Body is too long (maximum is 65536 characters)")
        found |= {"body": request.body["body"], "updated_at": stamp()}
        return Reply(200, found)

    def _react(self, request: Request, id_: str) -> Reply:
        content = request.body["content"]
        if content not in REACTIONS:
            return _invalid("Reaction", f"{content} is not included in the list")
        is_new = (int(id_), content) not in self.reactions
        self.reactions += [(int(id_), content)] * is_new
        told = {"id": 1, "user": shapes.user(self._login(request)), "content": content}
        return Reply(201 if is_new else 200, told)

    def _status(self, request: Request, sha: str) -> Reply:
        told = request.body
        if len(told.get("description") or "") > 140:
            return _invalid("Status", "description is too long (maximum is 140 characters)")
        if sha == "0" * 40:
            return _invalid("Status", f"No commit found for SHA: {sha}")
        found = {
            "url": f"{self.url}/repos/{self.repository}/statuses/{sha}",
            "id": len(self.statuses) + 1, "state": told["state"],
            "description": told.get("description"), "target_url": told.get("target_url"),
            "context": told.get("context", "default"), "created_at": stamp(),
            "updated_at": stamp(), "creator": shapes.user(self._login(request)),
        }  # fmt: skip
        self.statuses.append({**found, "sha": sha})
        return Reply(201, found)

    def _check(self, request: Request) -> Reply:
        if not self._is_app(request):
            return self.refuse(403, "You must authenticate via a GitHub App.")
        if refused := _unacceptable(request.body):
            return refused
        id_ = len(self.checks) + 1
        self.checks[id_] = shapes.check(self.url, self.repository, id_, self._app, request.body)
        self.annotations[id_] = list(request.body["output"].get("annotations", ()))
        return Reply(201, self.checks[id_])

    def _recheck(self, request: Request, id_: str) -> Reply:
        if not self._is_app(request):
            return self.refuse(403, "You must authenticate via a GitHub App.")
        if refused := _unacceptable(request.body):
            return refused
        found = self.checks.get(int(id_))
        if found is None:
            return self.refuse(404, "Not Found")
        self.annotations[int(id_)] += request.body["output"].get("annotations", ())
        body = {**found, **request.body, "head_sha": found["head_sha"]}
        again = shapes.check(self.url, self.repository, int(id_), self._app, body)
        again["output"]["annotations_count"] = len(self.annotations[int(id_)])
        self.checks[int(id_)] = again
        return Reply(200, again)

    def _checks(self, request: Request, sha: str) -> Reply:
        name = request.query.get("check_name")
        found = [
            each for each in self.checks.values()
            if each["head_sha"] == sha and name in (None, each["name"])
        ]  # fmt: skip
        return Reply(200, {"total_count": len(found), "check_runs": found})

    def _permission(self, _: Request, login: str) -> Reply:
        if login not in self.permissions:
            return self.refuse(404, f"{login} is not a user")
        word = self.permissions[login]
        return Reply(200, {"permission": word, "role_name": word, "user": shapes.user(login)})

    def _collaborators(self, request: Request) -> Reply:
        may = {"push": ("admin", "write")}[request.query["permission"]]
        found = [shapes.user(who) for who, word in self.permissions.items() if word in may]
        return page(request, found, self.url)

    def _membership(self, _: Request, org: str, team: str, login: str) -> Reply:
        members = self.teams.get(f"{org}/{team}", set())
        state = "active" if login in members else "pending"
        if not {login, f"invited:{login}"} & members:
            return self.refuse(404, "Not Found")
        return Reply(200, {"url": "", "role": "member", "state": state})


def _unacceptable(body: dict[str, Any]) -> Reply | None:
    output = body["output"]
    if len(output["summary"]) > 65_535:
        return _invalid("CheckRun", "Only 65535 characters are allowed in summary")
    if len(output.get("annotations", ())) > 50:
        return _invalid("CheckRun", "No more than 50 annotations are allowed")
    if body.get("status") == "completed" and not body.get("conclusion"):
        return _invalid("CheckRun", "A completed check needs a conclusion")
    return None


def _invalid(resource: str, message: str) -> Reply:
    error = {"resource": resource, "code": "custom", "message": message}
    told = {"message": "Validation Failed", "errors": [error], "documentation_url": shapes.DOCS}
    return Reply(422, {**told, "status": "422"})


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else Path.cwd()
    with FakeGitHub(port=int(sys.argv[2]) if sys.argv[2:] else 0) as hub:
        print(f"{hub.url}, what it keeps: {hub.url}/_kept, key of app {APP_ID}:",
              hub.key_file(folder), f"token: {TOKEN}", flush=True)  # fmt: skip
        threading.Event().wait()
