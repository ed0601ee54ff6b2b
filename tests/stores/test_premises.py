"""Where a journal must not be; the rows are in scenarios/test_preflight.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhan_copy.model.finding import Check, Severity
from dhan_copy.stores import premises
from dhan_copy.stores.locks import FileLock

MOUNTS = """\
22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:22 / /home/a\\040b rw - nfs4 host:/home rw
24 23 0:23 / /home/a\\040b/fast rw shared:2 master:1 - xfs /dev/vdb rw
half a line
25 22 0:24 / /homely rw - cifs //host/share rw
"""


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    monkeypatch.setattr(premises, "MOUNTS", path)


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/home", "ext4"), ("/home/a b/x", "nfs4"), ("/home/a b/fast/x", "xfs"), ("/homely", "cifs"), ("/homelyness", "ext4")],
)
def test_the_file_system_of_a_folder_is_that_of_the_deepest_mount(folder: str, kind: str) -> None:
    assert premises.file_system(Path(folder)) == kind


def test_where_the_system_does_not_tell_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(premises, "MOUNTS", tmp_path / "no such file")
    assert premises.file_system(tmp_path) == ""
    assert premises.journal_folder(tmp_path).severity is Severity.OK


@pytest.mark.parametrize(
    ("folder", "program"),
    [
        ("Users/a/Library/Mobile Documents/x", "Mobile Documents"),
        ("Users/a/Library/CloudStorage/OneDrive-Firm/x", "CloudStorage"),
        ("home/a/Nextcloud", "Nextcloud"),
        ("home/a/dropboxes", ""),
        ("home/a/megabytes", ""),
    ],
)
def test_synchronised_folders_are_known_by_their_names(folder: str, program: str) -> None:
    assert premises.syncing(Path("/nowhere") / folder) == program


def test_or_by_what_the_program_leaves_in_them(tmp_path: Path) -> None:
    inside = tmp_path / "shared" / "journals"
    inside.mkdir(parents=True)
    assert premises.syncing(inside) == ""
    (tmp_path / "shared" / ".stfolder").mkdir()
    assert premises.syncing(inside) == ".stfolder"


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    findings = premises.premises(tmp_path / "journal.db", ["1000000001"], held=False)
    assert [each.check for each in findings] == [Check.SQLITE, Check.FOLDER, Check.DISK, Check.LOCK]
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_without_its_engine_is_no_engine(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    lock = FileLock(f"{path}.lock", "the journal")
    lock.acquire("an engine")
    assert premises.locks(path, [], held=False).severity is Severity.FATAL
    lock.release()
    assert premises.locks(path, [], held=False).severity is Severity.OK


def test_a_disk_that_cannot_be_asked_is_skipped(tmp_path: Path) -> None:
    assert premises.room(tmp_path / "not there").severity is Severity.SKIPPED


def test_a_journal_that_is_no_file_has_no_place() -> None:
    (only,) = premises.premises(None, [], held=False)
    assert (only.check, only.severity) == (Check.FOLDER, Severity.SKIPPED)
