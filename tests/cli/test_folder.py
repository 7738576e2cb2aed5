"""Where the root is, and what a file by itself may know of those around it."""

from pathlib import Path

import pytest

from engine.cli.folder import Beside, read, root_of
from tests.cli.test_specs import GOOD, sark

RENDER = GOOD.replace("echo.say@1, with: {message: hi}", "text.render@1, with: {template: t/a.j2}")
RENDER = RENDER.replace("outputs.message", "outputs.text")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flows" / "deep").mkdir(parents=True)
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.j2").write_text("Hi")
    (tmp_path / "flows" / "deep" / "a.yaml").write_text(RENDER)
    return tmp_path


def test_one_folder_is_the_root(repository: Path) -> None:
    """
    `sark check flows` takes `flows` for the root, as a source does whose root that is.
    """
    assert repository / "flows" == root_of([str(repository / "flows")])


def test_the_root_of_files_is_their_repository(repository: Path) -> None:
    """
    For files, and for several paths, it is the nearest folder above with `.git`.
    """
    file, folder = str(repository / "flows/deep/a.yaml"), str(repository / "t")

    assert [repository] * 2 == [root_of([file]), root_of([file, folder])]
    (repository / "flows" / ".git").touch()
    assert [repository / "flows", repository] == [root_of([file]), root_of([file, folder])]


def test_the_root_may_be_told(repository: Path) -> None:
    """
    Where the source begins at a folder of its repository, a file by itself is looked at from there.
    """
    file = str(repository / "flows" / "deep" / "a.yaml")
    (repository / "t").rename(repository / "flows" / "t")
    root = str(repository / "flows")

    assert [1, 0] == [sark("check", *more, file).exit_code for more in ((), ("--root", root))]
    assert 0 == sark("plan", "--root", root, file).exit_code
    assert repository / "flows" == read([file], root).root


@pytest.mark.parametrize(("root", "said"), [("gone", "there is no folder"), ("t", "is not below")])
def test_a_root_has_to_hold_the_specs(repository: Path, root: str, said: str) -> None:
    """
    A root that is none, or another folder, is a mistake of the command.
    """
    file = str(repository / "flows" / "deep" / "a.yaml")
    done = sark("check", "--root", str(repository / root), file)

    assert 2 == done.exit_code
    assert said in done.stderr


def test_without_a_repository_the_root_is_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A file that lies anywhere has its own folder for a root; a text from stdin the current one.
    """
    monkeypatch.setattr("engine.cli.folder._MARK", "no such mark")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").touch()

    assert [tmp_path] * 2 == [root_of([str(tmp_path / "a.yaml")]), root_of(["-"])]


def test_files_beside_the_specs_are_found_from_the_root(repository: Path) -> None:
    """
    The template of a spec is checked whether the spec is named or the whole repository is.
    """
    file = repository / "flows" / "deep" / "a.yaml"

    assert [0, 0, 1] == [
        sark("check", str(path)).exit_code for path in (file, repository, file.parent)
    ]
    assert "missing-file" in sark("check", str(file.parent)).stdout


def test_links_lead_nowhere_outside_of_the_root(repository: Path) -> None:
    """
    A spec cannot name what is not in its repository, by whatever way.
    """
    (repository / "out").symlink_to("/etc")
    beside = Beside(repository)

    assert (None, "") == (beside.read("out/hostname"), beside.stamp("out/hostname"))
    assert (None, "") == (beside.read("../x"), beside.stamp("t"))
    assert (b"Hi", 64) == (beside.read("t/a.j2"), len(beside.stamp("t/a.j2")))
    (repository / "t" / "big.j2").write_bytes(b"x" * (256 * 1024 + 1))
    assert beside.read("t/big.j2") is None


def test_a_file_by_itself_knows_its_neighbours(repository: Path) -> None:
    """
    What it names may stand in another file below the root, and is not misspelt for that.
    """
    flows = repository / "flows"
    (flows / "pool.yaml").write_text("apiVersion: sark/v1\nkind: Pool\nname: fast\nzzz: 1\n")
    named, wrong = flows / "named.yaml", flows / "wrong.yaml"
    named.write_text(GOOD.replace("name: demo", "name: solo").replace("needs: [a]", "pool: fast"))
    wrong.write_text(GOOD.replace("name: demo", "name: other").replace("needs: [a]", "pool: fsat"))

    assert 0 == sark("check", str(named)).exit_code
    told = sark("check", str(wrong))
    assert (1, True) == (told.exit_code, 'did you mean "fast"?' in told.stdout)
    assert "1 finding in 1 file" in told.stderr
    assert ["solo"] == [
        line.split()[0] for line in sark("plan", str(named)).stdout.splitlines()[:1]
    ]


def test_what_is_given_is_read_once(repository: Path) -> None:
    """
    A file named twice, and again by its folder, is one; others are those below the root.
    """
    file = repository / "flows" / "deep" / "a.yaml"
    (repository / "b.yaml").write_text(GOOD)

    given = read([str(file), str(file)])

    assert ([str(file)], False) == (list(given.texts), given.is_whole)
    assert ["b.yaml"] == [Path(name).name for name in given.others()]
    assert {str(file): RENDER} == given.shown()
