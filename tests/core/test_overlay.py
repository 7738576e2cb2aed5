"""Connections that are other in an environment."""

import pytest

from engine.core.values import Json
from engine.operations import catalogue
from engine.source import File, compile_files
from tests.core.test_variable import HEAD, SAY, compiled, environment, found

DROP = HEAD.format("Connection", "drop") + "adapter: file\nwith: {root: shop, folder: in}\n"
BY_FILE = (
    HEAD.format("Workflow", "w")
    + "triggers: {t: {type: file, connection: drop, paths: ['*'], every: 1m}}\n"
    + SAY.format("hi")
)


def test_a_connection_is_other_in_an_environment() -> None:
    """
    What the environment says otherwise takes the place of what the connection says.
    """
    p = environment("p", "connections: {drop: {with: {folder: out}}}\n")

    def looked(at: str) -> Json:
        files = [File(f"{i}.yaml", "", each.encode()) for i, each in enumerate((BY_FILE, DROP, p))]
        made = compile_files(files, catalogue(), None, at)
        assert [] == made.diagnostics
        settings = made.plans["w"].triggers[0].settings
        assert isinstance(settings, dict)
        connection = settings["connection"]
        assert isinstance(connection, dict)
        told: Json = connection["with"]
        return told

    assert {"root": "shop", "folder": "out"} == looked("p")
    assert {"root": "shop", "folder": "in"} == looked("q")


@pytest.mark.parametrize(
    ("overlay", "code", "place"),
    [
        ("{dorp: {with: {folder: out}}}", "unknown-connection", "2:4:15"),
        ("{drop: {wiht: {folder: out}}}", "unknown-key", "2:4:22"),
        ("{drop: {with: {flder: out}}}", "unknown-argument", "2:4:29"),
        ("{drop: {with: {folder: 3}}}", "bad-argument", "2:4:37"),
        ("{drop: {with: {folder: '{{ secrets.x }}'}}}", "unknown-secret", "2:4:41"),
        ("{drop: {with: {folder: '{{ variables.x }}'}}}", "unknown-name", "2:4:41"),
        ("{drop: {with: {folder: '{{ inputs.x }}'}}}", "unknown-name", "2:4:41"),
    ],
)
def test_what_is_wrong_with_an_overlay_is_said_at_its_keys(
    overlay: str, code: str, place: str
) -> None:
    """
    The connection itself is right, so nothing is said of it.
    """
    p = environment("p", f"connections: {overlay}\n")
    files = [File(f"{i}.yaml", "", each.encode()) for i, each in enumerate((BY_FILE, DROP, p))]

    made = compile_files(files, catalogue(), None, "p")

    assert [(code, place)] == [each[:2] for each in found(made)]


def test_the_secrets_of_an_overlay_stand_for_those_of_the_connection() -> None:
    """
    What the connection reads must be among them still.
    """
    drop = HEAD.format("Connection", "drop") + (
        "adapter: http\nsecrets: [a]\nwith: {auth: {bearer: '{{ secrets.a }}'}}\n"
    )
    good = environment(
        "p",
        "connections: {drop: {secrets: [b], with: {auth: {bearer: '{{ secrets.b }}'}}}}\n",
    )
    bad = environment("p", "connections: {drop: {secrets: [b]}}\n")

    assert [("unused-document", "0:3:7", "")] == found(compiled(drop, good))
    assert ("unknown-secret", "1:4:31") == found(compiled(drop, bad))[0][:2]


def test_a_connection_that_is_wrong_itself_is_told_of_once() -> None:
    """
    An overlay answers for what it says, and for nothing else.
    """
    drop = HEAD.format("Connection", "drop") + "adapter: file\nwith: {root: shop, flder: in}\n"
    p = environment("p", "connections: {drop: {with: {folder: out}}}\n")
    files = [File(f"{i}.yaml", "", each.encode()) for i, each in enumerate((BY_FILE, drop, p))]

    made = compile_files(files, catalogue(), None, "p")

    assert ["unknown-argument"] == [each.code for each in made.diagnostics]
