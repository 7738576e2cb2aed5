"""`sark lsp`: the language server that an editor starts."""

import click


@click.command()
@click.option("--stdio", is_flag=True, help="Speak on stdin and stdout, as it does anyway.")
def lsp(stdio: bool) -> None:
    """Serve an editor: findings, completion, types and places, on stdin and stdout.

    An editor starts it; see "Set up your editor" in the documentation.
    """
    from engine.cli.editor.server import serve

    serve()
