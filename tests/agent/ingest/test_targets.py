"""What is read of what a person names: files, folders with their links, sizes and permissions."""

import os
from pathlib import Path

import pytest

from agent.errors import IngestError
from agent.ingest.report import Outcome, TargetReport
from agent.ingest.targets import FileTarget, UrlTarget, expand, has_vanished, read_file


def names(*targets: str | Path) -> list[str]:
    return [target.path.name for target in expand(targets) if isinstance(target, FileTarget)]


def reports(*targets: str | Path) -> list[TargetReport]:
    return [target for target in expand(targets) if isinstance(target, TargetReport)]


def write(path: Path, text: str = "text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_is_walked_in_order_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", "sub/c.csv", ".hidden.md", ".git/d.md", "sub/.e.md"):
        write(tmp_path / name)
    assert names(tmp_path) == ["a.txt", "b.md", "c.csv"]


def test_other_formats_of_a_folder_are_skipped_and_said(tmp_path: Path) -> None:
    write(tmp_path / "photo.jpg")
    (report,) = reports(tmp_path)
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "a format that is not read here")


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md")
    (tmp_path / "link.md").symlink_to(path)
    assert names(tmp_path, path, str(path)) == ["a.md"]


def test_circles_of_links_end(tmp_path: Path) -> None:
    write(tmp_path / "sub/a.md")
    (tmp_path / "sub/up").symlink_to(tmp_path)
    (tmp_path / "sub/self").symlink_to(tmp_path / "sub/self")
    assert names(tmp_path) == ["a.md"]
    (report,) = reports(tmp_path)
    assert report.outcome is Outcome.FAILED
    assert report.uri.endswith("self")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "elsewhere/secret.md")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/file.md").symlink_to(secret)
    (tmp_path / "docs/folder").symlink_to(secret.parent)
    assert names(tmp_path / "docs") == []
    assert all("leads out of the folder" in report.reason for report in reports(tmp_path / "docs"))
    assert len(reports(tmp_path / "docs")) == 2


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    (report,) = reports(tmp_path / "no.md")
    assert (report.outcome, report.reason) == (Outcome.FAILED, "no.md: no such file or folder.")
    assert len(reports("bad\0name.md")) == 1


def test_urls_are_told_from_paths() -> None:
    assert list(expand(["https://example.org/a"])) == [UrlTarget(uri="https://example.org/a")]


def test_a_file_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.md")).write_text("text")
    (report,) = reports(tmp_path)
    assert "not valid UTF-8" in report.reason


def test_a_hostile_file_name_is_shown_clean(tmp_path: Path) -> None:
    write(tmp_path / "a\x1b[31m\u202egpj.jpg")
    (report,) = reports(tmp_path)
    assert report.uri.endswith("a[31mgpj.jpg")


def test_a_gigabyte_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(1024**3)
    with pytest.raises(IngestError, match=r"large\.txt is 1024 MB, larger than 50 MB") as refused:
        read_file(path, 50)
    assert "LOREKEEPER_INGEST_FILE_MB" in refused.value.hint


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(IngestError, match=r"pipe\.txt is not a file"):
        read_file(tmp_path / "pipe.txt", 50)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md")
    path.chmod(0)
    with pytest.raises(IngestError, match="permission denied"):
        read_file(path, 50)


def test_a_file_has_vanished_only_from_a_folder_that_is_there(tmp_path: Path) -> None:
    assert has_vanished(tmp_path / "gone.md")
    assert not has_vanished(tmp_path / "unmounted/gone.md")
    assert not has_vanished(write(tmp_path / "here.md"))
