"""The command line, one file a noun; a command's module is imported when it is called."""

import os
from importlib import import_module

import click

# command: (module under engine.cli, one line of help). The line stands here so that
# `sark --help` imports nothing.
_COMMANDS = {
    "init": ("specs", "Start a repository of workflows in a folder."),
    "check": ("specs", "Find every mistake in workflow specs."),
    "fmt": ("format", "Rewrite specs in the one style."),
    "plan": ("plan", "Review a change of specs, or show what they compile to."),
    "diff": ("diff", "Show what a change of specs means."),
    "policies": ("policies", "List the rules that judge a change."),
    "test": ("testing", "Try out the tests of workflows and policies."),
    "preview": ("preview", "Try a workflow out with nothing called."),
    "lsp": ("lsp", "Serve an editor while specs are written."),
    "schema": ("specs", "Print the JSON Schema of workflow specs."),
    "explain": ("specs", "Explain the code of a finding."),
    "run": ("runs", "Start a workflow by name, or run a file right here."),
    "runs": ("runs", "List runs, newest first."),
    "show": ("runs", "Show a run and its steps."),
    "logs": ("runs", "Print what happened in a run, event by event."),
    "cancel": ("runs", "Cancel a run."),
    "pause": ("pauses", "Let a run begin nothing new for a while."),
    "replay": ("replay", "Drive recorded runs through other plans."),
    "bisect": ("bisect", "Find the commit since which a run goes as it went."),
    "trace": ("trace", "Tell where a run comes from, and all it did."),
    "approvals": ("approvals", "List what waits for people."),
    "approve": ("approvals", "Approve what a run asks."),
    "reject": ("approvals", "Reject what a run asks."),
    "events": ("events", "List events, newest first."),
    "decisions": ("decisions", "List what events came to, and why."),
    "schedules": ("schedules", "List what the clock starts, and when."),
    "backfill": ("schedules", "Start what a schedule would have started."),
    "emit": ("events", "Send an event to a namespace."),
    "workflows": ("sources", "List the active workflows."),
    "sources": ("sources", "List the sources, with what is active and why."),
    "sync": ("sources", "Look at a source's repository now."),
    "suspend": ("overrides", "Hold every commit of a source."),
    "resume": ("pauses", "Let a paused run go on, or a source."),
    "thaw": ("overrides", "Let commits through the freeze of a source."),
    "refreeze": ("overrides", "Let the freeze of a source hold again."),
    "confirm": ("overrides", "Let a held commit remove workflows."),
    "rollback": ("rollback", "Make an earlier commit of a source live."),
    "unpin": ("overrides", "Let a source go on that was rolled back."),
    "promote": ("promote", "Bring what was tried in one environment to another."),
    "reviews": ("reviews", "List what pull requests would change."),
    "why": ("sources", "Say what became of a commit."),
    "up": ("processes", "Run everything on this machine, servers included."),
    "server": ("processes", "Serve webhooks, the API and the pages."),
    "worker": ("processes", "Own and advance runs."),
    "controller": ("processes", "Watch the sources and wake what is due."),
    "migrate": ("processes", "Bring the database up to this version."),
    "backup": ("backup", "Write all that an empty machine needs to one file."),
    "restore": ("backup", "Bring a backup to an empty machine."),
    "config": ("doctor", "Show each setting and where it came from."),
    "doctor": ("doctor", "Check this machine and its servers."),
}


class _Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"engine.cli.{_COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sark-engine", prog_name="sark")
def cli() -> None:
    """Workflows that are reviewed like code, checked before merge, and never lose a step."""
    from engine.cli.output import coloured

    # Left alone, click takes colours out of whatever is no terminal, FORCE_COLOR or not.
    if os.environ.get("FORCE_COLOR") and coloured():
        click.get_current_context().color = True


def main() -> None:
    """Run the command line; an error of ours is a sentence, and its exit code is documented."""
    from engine.cli.garbage import Left, leave
    from engine.cli.output import guarded

    try:
        guarded(lambda: cli.main(standalone_mode=False))
    except Left as left:
        leave(left.status)
        raise
