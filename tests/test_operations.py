"""The registry that the settings describe: built-in adapters, and plugins that are allowed."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.contract import Call, Json, Succeeded
from engine.errors import Misconfigured
from engine.operations import build, catalogue, catalogue_digest, open_operations

BUILT_IN = {
    "container.build@1", "container.run@1", "echo.say@1", "file.list@1", "github.comment@1",
    "github.files@1", "github.status@1",
    "http.download@1", "http.request@1", "sark.runs@1", "shell.run@1", "smtp.send@1", "sql.load@1",
    "sql.query@1", "table.profile@1", "text.render@1",
}  # fmt: skip
PLUGIN = """
from dataclasses import replace
from adapters import echo
from adapters.contract import SettingError, Succeeded

class Say:
    manifest = replace(echo.MANIFEST, name="NAME", errors=())
    async def invoke(self, call):
        return Succeeded({"message": "from the plugin"})

class Adapter:
    def operations(self):
        return (Say(),)
    async def open(self):
        pass
    async def close(self):
        pass

def create(settings):
    if settings.get("wrong"):
        raise SettingError("wrong is wrong")
    return Adapter()
"""


def installed(place: Path) -> Path:
    """Return a folder with an installed distribution that offers the adapter `acme`."""
    folder = place / "site"
    information = folder / "acme-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[sark.adapters]\nacme = sark_acme:create\n")
    (folder / "sark_acme.py").write_text(PLUGIN.replace("NAME", "acme.say@1"))
    return folder


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the adapter `acme`, from which this process imports."""
    folder = installed(tmp_path)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "sark_acme", raising=False)
    return folder


def test_the_built_in_operations() -> None:
    """
    Without settings there are the operations of every built-in adapter, each with its manifest.
    """
    assert BUILT_IN == set(catalogue()) == set(build({}).operations)


def test_what_is_read_without_adapters_is_what_they_say() -> None:
    """
    A check that loads no adapter sees the manifests that the adapters themselves go by.
    """
    assert list(build({}).manifests.items()) == list(catalogue().items())


def test_the_catalogue_loads_no_client() -> None:
    """
    A command that only reads manifests pays for no adapter, no client and no database driver.
    """
    code = (
        "import sys; from engine.operations import catalogue; catalogue();"
        "print({'adapters.http', 'aiohttp', 'asyncio', 'jinja2', 'psycopg'} & set(sys.modules))"
    )
    root = Path(__file__).parents[1]
    found = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True)

    assert found.stdout == b"set()\n"


def test_operations_are_open_while_they_are_needed() -> None:
    """
    Inside the block every operation can be invoked; afterwards its clients are gone.
    """

    async def story() -> None:
        async with open_operations({"http": {"allow_hosts": ["a.example"]}}) as operations:
            assert set(operations) == BUILT_IN
            outcome = await operations["echo.say@1"].invoke(_call({"message": 1}))
            assert Succeeded({"message": 1}) == outcome

    asyncio.run(story())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"htp": {}}, 'unknown setting "adapters.htp"; did you mean "http"?'),
        ({"http": {"allow_host": []}}, 'unknown setting "allow_host"; did you mean "allow_hosts"?'),
        ({"http": []}, '"adapters.http" must be a table'),
        ({"http": {"allow_hosts": ["*"]}}, "allow_hosts"),
        ({"shell": {"cpu_seconds": -1}}, "cpu_seconds"),
        ({"table": {"parallel": 0}}, "parallel"),
        ({"echo": {"loud": True}}, 'unknown setting "loud"'),
        ({"github": {"api_url": "http://github.acme.example"}}, "over http"),
        ({"container": {"git_url": "https://github.com"}}, "{repo}"),
        ({"plugins": "acme"}, "must be a list"),
        ({"plugins": [1]}, "name each entry point once"),
        ({"plugins": ["acme", "acme"]}, "name each entry point once"),
        ({"plugins": ["http"]}, "take the place of a built-in"),
        ({"plugins": ["sark"]}, "take the place of a built-in"),
        ({"sark": {}}, 'unknown setting "adapters.sark"'),
        ({"plugins": ["nowhere"]}, 'plugin "nowhere" is not installed'),
        ({"acme": {}}, 'unknown setting "adapters.acme"'),
    ],
)
def test_settings_that_are_refused(settings: Mapping[str, Json], sentence: str) -> None:
    """
    A slip in the settings keeps the process from starting, with a sentence that mends it.
    """
    with pytest.raises(Misconfigured) as caught:
        build(settings)

    assert sentence in str(caught.value)


@pytest.mark.usefixtures("plugin")
def test_a_plugin_is_loaded_only_if_it_is_allowed() -> None:
    """
    What is installed is not thereby trusted: the settings name every plugin.
    """
    assert set(catalogue()) == BUILT_IN
    assert "sark_acme" not in sys.modules

    async def story() -> None:
        async with open_operations({"plugins": ["acme"], "acme": {"a": 1}}) as operations:
            outcome = await operations["acme.say@1"].invoke(_call({"message": 1}))
            assert Succeeded({"message": "from the plugin"}) == outcome

    asyncio.run(story())


def test_plugins_that_are_refused(plugin: Path) -> None:
    """
    A plugin outside its name space, one that fails, and one that anybody may rewrite.
    """
    module = plugin / "sark_acme.py"
    allowed: dict[str, Json] = {"plugins": ["acme"]}
    with pytest.raises(Misconfigured, match="wrong is wrong"):
        build({**allowed, "acme": {"wrong": True}})
    for source, sentence in (
        # Bytecode is known by the second and the size of its source: no two have one size.
        ("\n" + PLUGIN.replace("NAME", "echo.say@1"), r"offers echo\.say@1"),
        (PLUGIN.replace("NAME", "acme.say"), "must look like"),
        ("raise RuntimeError('at import')", "cannot be loaded"),
    ):
        module.write_text(source)
        sys.modules.pop("sark_acme", None)
        with pytest.raises(Misconfigured, match=sentence):
            build(allowed)
    module.chmod(0o666)
    with pytest.raises(Misconfigured, match="everybody may write"):
        build(allowed)


BAD = {
    "syntax": ("def create(:\n", "sark_acme.py:1: SyntaxError"),
    "loop": ("from sark_other import create\n", "sark_other.py:1: ImportError"),
    "exit": ("import sys\nsys.exit(0)\n", "sark_acme.py:2: SystemExit"),
    "nothing": ("", "sark_acme.py: AttributeError"),
    "slow": (
        "import time\n\ndef create(settings):\n    time.sleep(1000)\n",
        "sark_acme.py:4 has not come to an end in 1 s",
    ),
    "failing": ("def create(settings):\n    return 1 / 0\n", "sark_acme.py:2: ZeroDivisionError"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_what_a_bad_plugin_does_is_told_with_its_line(
    plugin: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """
    A plugin that cannot be read, imports in a circle, leaves, or never comes to an end keeps the
    process from starting, and the error names it and the line of its code.
    """
    monkeypatch.setattr("engine.plugin._LOADING_SECONDS", 1.0)
    monkeypatch.delitem(sys.modules, "sark_other", raising=False)
    source, sentence = BAD[name]
    (plugin / "sark_acme.py").write_text(source)
    (plugin / "sark_other.py").write_text("from sark_acme import create\n")
    with pytest.raises(Misconfigured) as caught:
        build({"plugins": ["acme"]})

    assert f'plugin "acme" cannot be loaded: {plugin}/{sentence}' in str(caught.value)


def test_the_digest_of_the_catalogue() -> None:
    """
    It is the same for the same operations, and another with one more.
    """
    all_of_them = catalogue()
    fewer = {name: each for name, each in all_of_them.items() if name != "echo.say@1"}

    assert catalogue_digest(all_of_them) == catalogue_digest(catalogue())
    assert catalogue_digest(all_of_them) != catalogue_digest(fewer)


def _call(arguments: Mapping[str, Json]) -> Call:
    return Call("run", "step", 1, "key", arguments, timedelta(seconds=1))
