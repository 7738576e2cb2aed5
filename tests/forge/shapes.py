"""What GitHub's answers and deliveries look like.

Source: the examples of docs.github.com/rest and of octokit/webhooks, with what nobody here reads
left out.
"""

from typing import Any

from tests.forge.serving import stamp

DOCS = "https://docs.github.com/rest"


def user(login: str) -> dict[str, Any]:
    kind = "Bot" if login.endswith("[bot]") else "User"
    return {
        "login": login,
        "id": sum(login.encode()),
        "node_id": f"U_{login}",
        "html_url": f"https://github.com/{login}",
        "type": kind,
        "site_admin": False,
    }


def repository(name: str, id_: int) -> dict[str, Any]:
    owner, _, short = name.partition("/")
    return {
        "id": id_,
        "node_id": f"R_{id_}",
        "name": short,
        "full_name": name,
        "private": True,
        "owner": {**user(owner), "type": "Organization"},
        "html_url": f"https://github.com/{name}",
        "fork": id_ > 1,
        "default_branch": "main",
        "clone_url": f"https://github.com/{name}.git",
    }


def pull(
    url: str,
    name: str,
    number: int,
    head: dict[str, Any],
    base: dict[str, Any],
    told: dict[str, Any],
) -> dict[str, Any]:
    """Return a pull request; `head` and `base` are ends, `told` its title, author and draft."""
    return {
        "url": f"{url}/repos/{name}/pulls/{number}",
        "id": 1000 + number,
        "node_id": f"PR_{number}",
        "html_url": f"https://github.com/{name}/pull/{number}",
        "number": number,
        "state": "open",
        "locked": False,
        "title": told["title"],
        "user": user(told["author"]),
        "body": told.get("body"),
        "created_at": stamp(),
        "updated_at": stamp(),
        "closed_at": None,
        "merged_at": None,
        # What GitHub tries out, merged or not.
        "merge_commit_sha": "7" * 40,
        "draft": told.get("draft", False),
        "head": head,
        "base": base,
        "author_association": "MEMBER",
        "merged": False,
        "mergeable": None,
        "mergeable_state": "unknown",
    }


def review(id_: int, login: str, state: str, sha: str) -> dict[str, Any]:
    return {"id": id_, "user": user(login), "body": "", "state": state, "commit_id": sha,
            "submitted_at": stamp(), "author_association": "MEMBER"}  # fmt: skip


def end(ref: str, sha: str, repo: dict[str, Any] | None) -> dict[str, Any]:
    """Return a head or a base; a fork that was deleted has no repository."""
    owner = repo["owner"] if repo else None
    label = f"{owner['login'] if owner else 'unknown repository'}:{ref}"
    return {"label": label, "ref": ref, "sha": sha, "user": owner, "repo": repo}


def comment(
    url: str, name: str, number: int, id_: int, login: str, body: str, app: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "url": f"{url}/repos/{name}/issues/comments/{id_}",
        "html_url": f"https://github.com/{name}/pull/{number}#issuecomment-{id_}",
        "issue_url": f"{url}/repos/{name}/issues/{number}",
        "id": id_,
        "node_id": f"IC_{id_}",
        "user": user(login),
        "created_at": stamp(),
        "updated_at": stamp(),
        "author_association": "NONE" if app else "MEMBER",
        "body": body,
        "performed_via_github_app": app,
    }


def check(
    url: str, name: str, id_: int, app: dict[str, Any], body: dict[str, Any]
) -> dict[str, Any]:
    output = body.get("output", {})
    at = f"{url}/repos/{name}/check-runs/{id_}"
    return {
        "id": id_,
        "node_id": f"CR_{id_}",
        "name": body["name"],
        "head_sha": body["head_sha"],
        "external_id": body.get("external_id", ""),
        "url": at,
        "html_url": f"https://github.com/{name}/runs/{id_}",
        "details_url": body.get("details_url", app["external_url"]),
        "status": body.get("status", "queued"),
        "conclusion": body.get("conclusion"),
        "started_at": stamp(),
        "completed_at": stamp() if body.get("conclusion") else None,
        "output": {
            "title": output.get("title"),
            "summary": output.get("summary"),
            "text": output.get("text"),
            "annotations_count": len(output.get("annotations", ())),
            "annotations_url": f"{at}/annotations",
        },
        "check_suite": {"id": 1},
        "app": app,
        "pull_requests": [],
    }


def app(id_: int, slug: str) -> dict[str, Any]:
    return {
        "id": id_,
        "slug": slug,
        "node_id": f"A_{id_}",
        "owner": user("acme"),
        "name": slug.capitalize(),
        "external_url": "https://sark.example",
        "html_url": f"https://github.com/apps/{slug}",
        "permissions": {
            "checks": "write", "contents": "read", "issues": "write", "members": "read",
            "metadata": "read", "pull_requests": "write", "statuses": "write",
        },
        "events": ["check_run", "issue_comment", "pull_request", "push"],
    }  # fmt: skip
