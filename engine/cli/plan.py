"""`sark plan`: what specs compile to, and what a change of them means before it is merged."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.garbage import Left, uncollected
from engine.cli.options import as_json, environment, rooted
from engine.cli.output import Exit, coloured, inert
from engine.cli.output import as_json as print_json

if TYPE_CHECKING:
    from engine.cli.reviewing import Told

_PICTURES = ("mermaid", "dot", "svg")
_REVIEWS = ("markdown", "github", "sarif", "json")
_MARK = ".git"
_HELD = 3
_CHANGED = 2
_COLOURS = {"  + ": "green", "  - ": "red", "  ~ ": "yellow"}


@click.command()
@click.argument("words", nargs=-1, metavar="[RANGE | PATH...]")
@click.option("--against", metavar="REF|server", help="Review from there to the files as they are.")
@click.option(
    "--pr", "pull", type=click.IntRange(min=1), metavar="N", help="Review a pull request."
)
@environment
@click.option("--source", default="", metavar="NAME", help="With --against server: which source.")
@click.option(
    "--server", metavar="URL", help="The server; else SARK_SERVER, or the state folder's."
)
@click.option("--state", metavar="DIR", help="The state folder, where the token is.")
@click.option(
    "--format", "format_", type=click.Choice(["text", *_REVIEWS, *_PICTURES]), default="text",
    show_default=True,
)  # fmt: skip
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), metavar="INSTANT",
    help="Tell the next times of schedules from then on, as 2026-03-28T00:00:00Z; else from now.",
)  # fmt: skip
@click.option("--detailed-exitcode", "detailed", is_flag=True, help="End with 2 for a change.")
@click.option(
    "--github-actions", "in_job", is_flag=True, help="Tell it in a job of GitHub Actions."
)
@click.option("--no-color", is_flag=True, help="No colour, on a terminal neither.")
@rooted
@as_json
@uncollected()
def plan(
    words: tuple[str, ...], against: str | None, pull: int | None, environment: str, source: str,
    server: str | None, state: str | None, format_: str, at: datetime | None, detailed: bool,
    in_job: bool, no_color: bool, root: str | None, json_: bool,
) -> None:  # fmt: skip
    """Review a change of specs, or show what the specs at PATH compile to.

    With no PATH and in a repository, what this branch and the work tree change is told as a
    reviewer reads it: from where HEAD has left the default branch of origin (or from HEAD) to the
    files as they are. RANGE is A..B, or A...B (from where B has left A). --against says from where
    else, `server` being what is live there; --pr fetches a pull request and merges it, not
    touching the work tree. --root is the folder that the source has; here, unless told.

    Exit code 0: valid. 1: errors, or denied. 3: an approval or a confirmation is needed. With
    --detailed-exitcode 2: valid, and something changes.

    --github-actions marks lines, writes the summary of the job and, if its token may, the comment
    on the pull request; the RANGE is HEAD^1..HEAD unless told.

    With PATHs: steps, edges, retries, when a schedule is due next, the digest and the worst case,
    or a picture as mermaid, dot or svg.
    """
    now, format_ = at or datetime.now(UTC), "json" if json_ else format_
    paths = [each for each in words if ".." not in each or Path(each).exists()]
    ranges = [each for each in words if each not in paths] or ["HEAD^1..HEAD"] * in_job
    if not (against or pull or ranges or (not words and _is_in_repository(root))):
        return _compiled(paths or ["."], root, environment, format_, now)
    if format_ in _PICTURES:
        raise click.UsageError(f"--format {format_} is a picture of a PATH, and this is a review")
    if len(ranges) + bool(against or pull) > 1:
        raise click.UsageError("name one of RANGE, --against and --pr; --pr may have --against")
    from engine.cli.reviewing import Asked

    asked = Asked(_root(paths, root), environment, source, server, state)
    told = asked.told("".join(ranges), against, pull)
    tell = _published if in_job else _print
    told = tell(told, format_, now, is_coloured=coloured() and not no_color)
    raise Left(_code(told, detailed=detailed))


def _published(told: "Told", _: str, now: datetime, *, is_coloured: bool) -> "Told":
    """Tell the review in a job of GitHub Actions, and return it as the job knows it."""
    from engine.cli import actions

    return actions.publish(told, now)


def _compiled(
    paths: Sequence[str], root: str | None, environment: str, format_: str, now: datetime
) -> None:
    """Print what specs compile to."""
    from engine.cli.specs import compile_all
    from engine.core import bounds, picture
    from engine.core.codec import encode

    if format_ in _REVIEWS and format_ != "json":
        raise click.UsageError(f"--format {format_} is of a review, and PATH names specs")
    plans = compile_all(paths, root, environment)
    if format_ == "json":
        import json

        told = [{**encode(each), "bounds": bounds.as_json(bounds.of(each))} for each in plans]
        return click.echo(inert(json.dumps(told, indent=2)))
    if format_ == "svg" and len(plans) != 1:
        raise click.UsageError(f"svg is of one workflow; PATH has {len(plans)}: name one file")
    draw = {"mermaid": picture.as_mermaid, "dot": picture.as_dot, "svg": picture.as_svg}
    drawn = [
        draw[format_](each) if format_ in draw else picture.as_text(each, bounds.of(each), now)
        for each in plans
    ]
    return click.echo("\n".join(drawn), nl=False)


def _is_in_repository(root: str | None) -> bool:
    place = Path(root or ".").resolve()
    return any((each / _MARK).exists() for each in (place, *place.parents))


def _root(paths: Sequence[str], root: str | None) -> str | None:
    """Return the folder that is reviewed, None where nobody has told it."""
    if len(paths) > 1 or (paths and root):
        raise click.UsageError("a review is of one folder; name it once, as PATH or by --root")
    folder = paths[0] if paths else root
    if folder is not None and not Path(folder).is_dir():
        raise click.UsageError(f"a review is of the folder of a source; {folder!r} is none")
    return folder


def _print(told: "Told", format_: str, now: datetime, *, is_coloured: bool) -> "Told":
    """Print the review in a format, and return it."""
    from engine.core import rendering, review

    made = told.review
    match format_:
        case "json":
            print_json(review.as_json(made, now))
        case "markdown":
            click.echo(review.as_markdown(made, now), nl=False)
        case "github":
            click.echo(rendering.as_github(review.findings(made)), nl=False)
        case "sarif":
            click.echo(rendering.as_sarif(review.findings(made)))
        case _:
            if made.errors:
                errors = [each for each in review.findings(made) if each.severity == "error"]
                click.echo(rendering.as_text(errors, told.texts, is_coloured))
            for line in review.as_text(made, now).splitlines():
                colour = _COLOURS.get(line[:4]) if is_coloured else None
                click.echo(click.style(line, fg=colour) if colour else line)
    return told


def _code(told: "Told", *, detailed: bool) -> int:
    """Return how the command ends."""
    from engine.core.review import Conclusion

    match told.review.conclusion:
        case Conclusion.FAILURE:
            return Exit.FAILED
        case Conclusion.ACTION_REQUIRED:
            return _HELD
        case _:
            return _CHANGED if detailed and told.review.changes else Exit.OK
