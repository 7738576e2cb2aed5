"""The configuration: one file, the environment before it, faults in words."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import Misconfigured
from engine.settings import Loaded, load

WHOLE = """
state = "here"
[server]
port = 9090
[worker]
lease = "4s"
[[sources]]
name = "shop"
namespace = "shop"
url = "https://user:word@git.example/acme/workflows"
interval = "30s"
webhook_secrets = ["env:SHOP_HOOK"]
[adapters.http]
allow_hosts = ["*.acme.example"]
[secrets.shop]
deployer = "file:/run/deployer"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sark.toml"
    path.write_text(WHOLE)
    return path


def shown(loaded: Loaded) -> dict[str, tuple[str, str]]:
    return {key: (value, origin) for key, value, origin in loaded.shown()}


def test_flags_go_before_the_environment_and_that_before_the_file(file: Path) -> None:
    """
    Each key is told with its value and where it came from.
    """
    environment = {"SARK_SERVER__PORT": "7070", "SARK_STATE": "there"}
    loaded = load(file, environment, {"state": "/flag"})
    told = shown(loaded)

    assert Path("/flag") == loaded.settings.state
    assert ("7070", "SARK_SERVER__PORT") == told["server.port"]
    assert "--state" == told["state"][1]
    assert ("4s", str(file)) == told["worker.lease"]
    assert timedelta(seconds=4) == loaded.settings.worker.lease
    assert "default" == told["server.host"][1]


def test_adapters_have_tables_and_plugins_are_a_list(file: Path) -> None:
    """
    `plugins` names the adapters that may be loaded, beside the tables of each; anything else that
    is no table is told with its line.
    """
    file.write_text('[adapters]\nplugins = ["acme"]\n[adapters.acme]\nport = 7000\n')
    adapters = load(file, {}, {}).settings.adapters
    file.write_text("[adapters]\nhttp = 3\n")
    with pytest.raises(Misconfigured) as caught:
        load(file, {}, {})

    assert {"plugins": ["acme"], "acme": {"port": 7000}} == adapters
    assert f"{file}:2: adapters.http: expected a table, found 3" == str(caught.value)


def test_a_state_folder_lies_beside_the_file_that_names_it(file: Path) -> None:
    """
    A relative `state` in the file is relative to the file, not to the shell's folder.
    """
    assert file.parent / "here" == load(file, {}, {}).settings.state


def test_artifacts_lie_in_the_state_folder_unless_told_otherwise(file: Path) -> None:
    """
    Without `artifacts.dir` they are in the state folder; a relative one is beside the file that
    names it, or here if the environment does.
    """
    assert file.parent / "here" / "artifacts" == load(file, {}, {}).settings.artifact_folder

    file.write_text('[artifacts]\ndir = "kept"\n[worker]\nscratch = "scratch"\n')
    told = load(file, {}, {}).settings
    assert file.parent / "kept" == told.artifact_folder
    assert file.parent / "scratch" == told.worker.scratch

    loaded = load(file, {"SARK_ARTIFACTS_DIR": "there"}, {})
    assert Path.cwd() / "there" == loaded.settings.artifact_folder
    assert "SARK_ARTIFACTS_DIR" == shown(loaded)["artifacts.dir"][1]


def test_passwords_are_masked(file: Path) -> None:
    """
    What is shown holds no password; references to secrets are shown as they are.
    """
    told = shown(load(file, {"SARK_DATABASE_URL": "postgresql://sark:geheim@db/sark"}, {}))

    assert "geheim" not in str(told)
    assert "word" not in told["sources.0.url"][0]
    assert "postgresql://sark:***@db/sark" == told["database_url"][0]
    assert "file:/run/deployer" == told["secrets.shop.deployer"][0]


def test_tokens_are_masked(tmp_path: Path) -> None:
    """
    Who has a token is shown, the token is not: neither where it is set nor where it is wrong.
    """
    file, digest = tmp_path / "sark.toml", "0a" * 32
    file.write_text(f'[[tokens]]\nname = "ann"\nsha256 = "{digest}"\n')
    told = shown(load(file, {}, {}))

    assert ("ann", "***") == (told["tokens.0.name"][0], told["tokens.0.sha256"][0])
    for key, value in (("token", "the-token-itself"), ("sha256", "the-token-itself")):
        file.write_text(f'[[tokens]]\nname = "ann"\n{key} = "{value}"\n')
        with pytest.raises(Misconfigured, match=f"sark.toml:3: tokens.0.{key}: ") as caught:
            load(file, {}, {})
        assert "the-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nprot = 1\n", ["sark.toml:2", "server.prot", "did you mean 'port'?"]),
        ("[sever]\nport = 1\n", ["sark.toml", "sever", "did you mean 'server'?"]),
        ("[server]\nport = 99999999\n", ["server.port", "less than or equal to 65535"]),
        ("[worker]\nlease = 'soon'\n", ["worker.lease", "write 30s, 5m"]),
        ("[artifacts]\ndri = 'x'\n", ["artifacts.dri", "did you mean 'dir'?"]),
        ("[artifacts]\ndir = 7\n", ["artifacts.dir", "expected a path"]),
        ("[history]\nkeep = '1h'\n", ["sark.toml:2", "history.keep", "1 to 36,500 days", "'1h'"]),
        ("[history]\nkeep = 'ever'\n", ["history.keep", "write 30s, 5m"]),
        ("[history]\nkeep = 0\n", ["history.keep", "expected a duration", "found 0"]),
        ("[history]\nkeeps = '1d'\n", ["history.keeps", "did you mean 'keep'?"]),
        ("[worker\n", ["is not TOML"]),
        ("[secrets.shop]\nkey = 'plain text'\n", ["secrets.shop.key", "env:"]),
        (
            '[[sources]]\nname = "a"\nnamespace = "a"\nurl = "/x"\nref = "main"\n',
            ["sources.0.ref", "refs/"],
        ),
        ("[server]\nport = 1\n[worker]\nport = 2\n", ["sark.toml:4: unknown key 'worker.port'"]),
        ('[[sources]]\nname = "a"\n', ["sark.toml:1: sources.0.url: expected, and not there"]),
        ('[[sources]]\nurl = "ftp://x"\n', ["sark.toml:2: sources.0.url: expected https://"]),
        ('[[sources]]\nnamespace = "github"\n', ["sources.0.namespace", "/hooks/github/ is where"]),
        ("[telemetry]\nport = 70000\n", ["telemetry.port", "less than or equal to 65000"]),
        ('[[sources]]\nroot = "../x"\n', ["sark.toml:2: sources.0.root: expected a folder"]),
        ('[sources]\nname = "a"\n', ["expected a list, each written [[sources]], found a table"]),
        (
            2 * '[[sources]]\nname = "a"\nnamespace = "a"\nurl = "/x"\n',
            ["two sources are called 'a'"],
        ),
        ('[[tokens]]\nname = "ann"\n', ["tokens.0: expected `token` or `sha256`"]),
        ('[[tokens]]\nname = "admin"\ntoken = "env:T"\n', ["'admin' is the name of the first"]),
        ('[[tokens]]\nname = "a b"\n', ["sark.toml:2: tokens.0.name: expected a name of letters"]),
        ('[[tokens]]\nrole = "king"\n', ["tokens.0.role", "'viewer', 'approver' or 'admin'"]),
        ('[[tokens]]\nnmae = "ann"\n', ["did you mean 'name'?"]),
        (2 * '[[tokens]]\nname = "ann"\ntoken = "env:T"\n', ["two tokens are called 'ann'"]),
        ('[tokens]\nname = "a"\n', ["expected a list, each written [[tokens]], found a table"]),
        ("[server]\npublic_url = 'sark.example'\n", ["server.public_url: expected https://HOST"]),
    ],
)
def test_a_fault_is_told_with_its_place_and_a_way_out(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    """
    A wrong key or value names file, key, what was expected, and no secret.
    """
    path = tmp_path / "sark.toml"
    path.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        load(path, {}, {})

    assert [] == [word for word in words if word not in str(caught.value)]
    assert "plain text" not in str(caught.value)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """
    A missing file is named; without one named, `sark.toml` is optional.
    """
    with pytest.raises(Misconfigured, match=r"gone\.toml: No such file"):
        load(tmp_path / "gone.toml", {}, {})


def test_repo_alone_makes_one_source(tmp_path: Path) -> None:
    """
    `--repo PATH` is one source named local in the namespace local; --ref needs it.
    """
    (source,) = load(None, {}, {"repo": str(tmp_path), "root": "w"}).settings.sources

    assert ("local", "local", str(tmp_path), "w") == (
        source.name,
        source.namespace,
        source.url,
        source.root,
    )
    with pytest.raises(Misconfigured, match="go with --repo"):
        load(None, {}, {"ref": "refs/heads/x"})


def test_a_place_in_a_list_is_a_variable_too() -> None:
    """
    `SARK_SOURCES__0__NAME` and its like make or change a source; an empty variable is none.
    """
    source = {"NAME": "a", "NAMESPACE": "a", "URL": "/x", "INTERVAL": "5m"}
    environment = {f"SARK_SOURCES__0__{key}": value for key, value in source.items()}
    loaded = load(None, {**environment, "SARK_REDIS_URL": ""}, {})

    assert ("5m", "SARK_SOURCES__0__INTERVAL") == shown(loaded)["sources.0.interval"]
    assert ("/x", "SARK_SOURCES__0__URL") == shown(loaded)["sources.0.url"]
    assert loaded.settings.redis_url is None


def test_a_slip_in_a_variable_is_refused_and_others_names_pass() -> None:
    """
    SARK_DATABSE_URL is no silence; what a cluster sets for a service called sark is not ours.
    """
    load(None, {"SARK_PORT": "tcp://10.0.0.1:80", "SARK_SERVICE_HOST": "10.0.0.1"}, {})
    with pytest.raises(Misconfigured, match="did you mean SARK_DATABASE_URL"):
        load(None, {"SARK_DATABSE_URL": "x"}, {})


def test_a_password_in_a_query_is_masked() -> None:
    """
    libpq takes `?password=`; it is shown no more than one before the host.
    """
    told = shown(load(None, {"SARK_DATABASE_URL": "postgresql://h/db?password=geheim&x=1"}, {}))

    assert "postgresql://h/db?password=***&x=1" == told["database_url"][0]


@pytest.mark.parametrize(
    ("text", "kept", "told"),
    [
        ("", timedelta(days=90), "90d"),
        ("[history]\nkeep = '1d'\n", timedelta(days=1), "1d"),
        ("[history]\nkeep = 'forever'\n", None, "forever"),
    ],
)
def test_history_is_kept_for_days_or_for_ever(
    tmp_path: Path, text: str, kept: timedelta | None, told: str
) -> None:
    """
    For 90 days unless something else is said.
    """
    (tmp_path / "sark.toml").write_text(text)
    loaded = load(tmp_path / "sark.toml", {}, {})

    assert kept == loaded.settings.history.kept
    assert told == shown(loaded)["history.keep"][0]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ('repository = "acme/shop"', "forge: expected `token` or `app`, and one of them alone"),
        (
            'repository = "acme/shop"\ntoken = "env:T"\napp = {id = "1", key = "env:K"}',
            "forge: expected `token` or `app`, and one of them alone",
        ),
        ('token = "env:T"', "forge.repository: expected, and not there"),
        ('repository = "acme"\ntoken = "env:T"', "forge.repository: String should match pattern"),
        ('repository = "a/b/c"\ntoken = "env:T"', "expected owner/name in `repository`"),
        ('repository = "acme/.."\ntoken = "env:T"', "expected owner/name in `repository`"),
        ('repository = "acme/shop"\ntoken = "ghp_secret"', "expected env:NAME or file:PATH"),
        ('kind = "github2"\nrepository = "a/b"\ntoken = "env:T"', "'github', 'gitlab' or 'gitea'"),
        ('kind = "gitea"\nrepository = "a/b"\ntoken = "env:T"', "expected `api`, as in https://"),
        (
            'kind = "gitlab"\nrepository = "a/b"\napp = {id = "1", key = "env:K"}',
            "expected `token`: there are apps at GitHub, and not at gitlab",
        ),
        (
            'repository = "a/b"\ntoken = "env:T"\napi = "http://github.acme.example"',
            "a token is sent over http to a loopback address alone",
        ),
        ('repositry = "a/b"\ntoken = "env:T"', "did you mean 'repository'?"),
        (
            'repository = "a/b"\napp = {id = "1", kye = "env:K"}',
            "unknown key 'sources.0.forge.app.kye'; did you mean 'key'?",
        ),
    ],
)
def test_a_forge_that_cannot_be_is_told_in_words(file: Path, told: str, message: str) -> None:
    """
    What is wrong with a forge is told with its line and a way out, and no secret is shown.
    """
    text = WHOLE.replace("[adapters.http]", f"[sources.forge]\n{told}\n[adapters.http]")
    file.write_text(text)

    with pytest.raises(Misconfigured) as raised:
        load(file, {}, {})

    assert message in str(raised.value)
    assert "ghp_secret" not in str(raised.value)


def test_a_forge_as_it_is_shown(file: Path) -> None:
    """
    A forge is shown with its references, and its API is the public one unless told otherwise.
    """
    forge = 'repository = "acme/shop"\napp = {id = "1", key = "file:/etc/app.pem"}'
    file.write_text(WHOLE.replace("[adapters.http]", f"[sources.forge]\n{forge}\n[adapters.http]"))
    loaded = load(file, {}, {})

    (source,) = loaded.settings.sources
    assert source.forge is not None
    assert "https://api.github.com" == source.forge.url
    assert "file:/etc/app.pem" == shown(loaded)["sources.0.forge.app.key"][0]
