"""A review told in a job of GitHub Actions: marks at lines, the job's summary, one comment.

What a job knows is in its environment; see "Variables" in the documentation of GitHub Actions.
"""

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from engine.cli.output import items, members, plain
from engine.cli.reviewing import Told
from engine.core import rendering, review
from engine.core.review import Head, Links, Review
from engine.core.values import Json
from engine.errors import Denied, Misconfigured, NotFound, SarkError, Unavailable

_TIMEOUT = 30
_MOST_PAGES = 10
_PAGE = 100
_MAX_ANSWER = 16 << 20
_BOT = "github-actions[bot]"


@dataclass(frozen=True, slots=True)
class Job:
    """What a job was told: its repository, where GitHub is, what set it off, and its token."""

    repository: str
    server: str
    api: str
    summary: str
    token: str
    event: Mapping[str, Json]

    @property
    def number(self) -> int:
        """The pull request that set the job off, 0 for none."""
        number = members(self.event.get("pull_request")).get("number")
        return number if isinstance(number, int) else 0


def publish(told: Told, now: datetime) -> Told:
    """Tell a review where people look for it; return it as the event has it.

    A comment that the token may not write is told in a notice, and the job goes on: the token of
    a fork's job may only read.
    """
    job = _job(os.environ)
    made = _dressed(told.review, job)
    click.echo(rendering.as_github(review.findings(made)), nl=False)
    links = Links(f"{job.server}/{job.repository}", has_server=False)
    text = review.as_markdown(made, now, links)
    if job.summary:
        with Path(job.summary).open("a", encoding="utf-8") as file:
            file.write(text)
    if job.number and job.token:
        try:
            _comment(job, review.marker(made.source), text)
        except SarkError as error:
            click.echo(f"::notice title=sark plan::no comment: {plain(str(error))}")
    return replace(told, review=made)


def _job(environ: Mapping[str, str]) -> Job:
    """Return the job that this runs in; raise Misconfigured where it is none."""
    repository = environ.get("GITHUB_REPOSITORY", "")
    if repository.count("/") != 1:
        raise Misconfigured("--github-actions is for a job: GITHUB_REPOSITORY is not owner/name")
    event: Json = None
    place = environ.get("GITHUB_EVENT_PATH")
    if place:
        try:
            event = json.loads(Path(place).read_bytes())
        except ValueError as error:
            raise Misconfigured(f"GITHUB_EVENT_PATH is no JSON: {error}") from None
    return Job(
        repository,
        environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/"),
        environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        environ.get("GITHUB_STEP_SUMMARY", ""),
        environ.get("GITHUB_TOKEN", ""),
        members(event),
    )


def _dressed(made: Review, job: Job) -> Review:
    """Return the review with the ends that people know: a job has the merge of both."""
    pull = members(job.event.get("pull_request"))
    if not job.number:
        return made
    head, base = members(pull.get("head")), members(pull.get("base"))
    theirs = members(head.get("repo")).get("full_name")
    # Jobs for other folders and environments have comments of their own.
    source = "/".join(filter(None, (job.repository, made.root, made.environment)))
    return replace(
        made,
        source=source,
        base=Head(str(base.get("ref") or made.base.name), made.base.commit),
        head=Head(str(head.get("ref") or ""), str(head.get("sha") or made.head.commit)),
        pull=job.number, is_fork=theirs != job.repository,
    )  # fmt: skip


def _comment(job: Job, marker: str, text: str) -> None:
    """Write the comment of a pull request, or the one that a job wrote before again."""
    place = f"/repos/{job.repository}/issues"
    for page in range(1, _MOST_PAGES + 1):
        query = f"?per_page={_PAGE}&page={page}"
        found = _send(job, "GET", f"{place}/{job.number}/comments{query}")
        listed = items({"items": found})
        for each in listed:
            is_ours = members(each.get("user")).get("login") == _BOT
            if is_ours and str(each.get("body")).startswith(marker):
                _send(job, "PATCH", f"{place}/comments/{each['id']}", {"body": text})
                return
        if len(listed) < _PAGE:
            break
    _send(job, "POST", f"{place}/{job.number}/comments", {"body": text})


def _send(job: Job, method: str, path: str, body: Json = None) -> Json:
    """Return GitHub's answer; raise Denied, NotFound or Unavailable."""
    parts = urlsplit(job.api)
    is_plain = parts.scheme == "http"
    kind = http.client.HTTPConnection if is_plain else http.client.HTTPSConnection
    link = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    told = {
        "Authorization": f"Bearer {job.token}", "Accept": "application/vnd.github+json",
        "User-Agent": "sark",
    }  # fmt: skip
    try:
        link.request(
            method, f"{parts.path}{path}", None if body is None else json.dumps(body), told
        )
        answer = link.getresponse()
        text = answer.read(_MAX_ANSWER)
        status = answer.status
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"{job.api} does not answer ({type(error).__name__})") from None
    finally:
        link.close()
    if status in (401, 403):
        raise Denied("the job's token may not write to pull requests (permissions)")
    if status == 404:
        raise NotFound(f"GitHub has no {path.partition('?')[0]}, or does not show it to the job")
    try:
        if status >= 400:
            raise Unavailable(f"GitHub answered {status}")
        return json.loads(text)  # type: ignore[no-any-return]
    except ValueError:
        raise Unavailable("what answers is not GitHub: its answer is no JSON") from None
