"""A review told in a job of GitHub Actions: marks at lines, the job's summary, one comment.

What a job knows is in its environment; see "Variables" in the documentation of GitHub Actions.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import click

from engine.cli.output import members, plain
from engine.cli.reviewing import Told
from engine.core import rendering, review
from engine.core.frozen import frozen
from engine.core.review import Head, Links, Review
from engine.core.values import Json
from engine.errors import Denied, Misconfigured, SarkError, Unavailable

SECONDS = 60.0
"""How long a job speaks with GitHub; a comment that is not written by then is none."""
_BOT = "github-actions[bot]"
_TOKEN = "GITHUB_TOKEN"  # nosec B105 - the name of a variable


@frozen
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
            asyncio.run(_within(SECONDS, _comment(job, review.marker(made.source), text)))
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
        except (ValueError, RecursionError) as error:
            raise Misconfigured(f"GITHUB_EVENT_PATH is no JSON: {error}") from None
    return Job(
        repository,
        environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/"),
        environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        environ.get("GITHUB_STEP_SUMMARY", ""),
        environ.get(_TOKEN, ""),
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


async def _within(seconds: float, done: Awaitable[None]) -> None:
    try:
        await asyncio.wait_for(done, seconds)
    except TimeoutError:
        raise Unavailable(f"GitHub did not answer within {seconds:g} s", timedelta(0)) from None


async def _comment(job: Job, marker: str, text: str) -> None:
    """Write the comment of a pull request, or the one that a job wrote before again."""
    from adapters.http import Http, HttpSettings
    from adapters.http.place import place
    from engine.forge.conversation import Conversation
    from engine.forge.credential import Token
    from engine.forge.github import GITHUB, GitHub

    try:
        hosts = (place(job.api),)
    except ValueError as error:
        raise Misconfigured(f"GITHUB_API_URL: {error}") from None
    http = Http(HttpSettings(allow_hosts=hosts))
    await http.open()
    try:
        token = Token(f"env:{_TOKEN}", _TOKEN)
        talk = Conversation(http.client, GITHUB, job.api, token)
        github = GitHub(talk, job.repository, writer=_BOT)
        found = await github.comments(job.number)
        ours = (each.id for each in found if each.is_ours and each.body.startswith(marker))
        await github.comment(job.number, text, next(ours, None))
    except Denied as error:
        raise Denied(f"{error}; a job may with `permissions: pull-requests: write`") from None
    finally:
        await http.close()
