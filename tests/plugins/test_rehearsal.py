import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import pytest

from plugins.rehearsal import NotDone, Rehearsal, current


@pytest.mark.parametrize(
    ("what", "deed"),
    [
        (lambda folder: (folder / "new").write_text("x"), "open"),
        (lambda folder: (folder / "there").unlink(), "os.remove"),
        (lambda folder: (folder / "there").rename(folder / "other"), "os.rename"),
        (lambda folder: (folder / "below").mkdir(), "os.mkdir"),
        (lambda folder: shutil.rmtree(folder), "os."),
        (lambda folder: subprocess.run(["true"], check=False), "subprocess.Popen"),
        (lambda folder: os.system("true"), "os.system"),
        (lambda folder: os.posix_spawn("/bin/true", ["true"], {}), "os.posix_spawn"),
        (lambda folder: os.fork() or os._exit(0), "os.fork"),
        (lambda folder: os.execv(folder / "there", ["there"]), "os.exec"),
        (lambda folder: os.kill(os.getpid(), 0), "os.kill"),
        (lambda folder: sqlite3.connect(folder / "new.db"), "sqlite3.connect"),
        (lambda folder: sqlite3.connect(f"file:{folder}/new.db", uri=True), "sqlite3.connect"),
        (lambda folder: os.chown(folder / "there", os.getuid(), -1), "os.chown"),
        (lambda folder: os.utime(folder / "there", (0, 0)), "os.utime"),
        (lambda folder: os.setxattr(folder / "there", "user.a", b"1"), "os.setxattr"),
        (lambda folder: (folder / "link").symlink_to(tempfile.gettempdir() + "/skolnav-x"), "os.symlink"),
        (lambda folder: socket.create_connection(("192.0.2.1", 9)), "socket."),
        (lambda folder: socket.getaddrinfo("acme.invalid", 443), "socket.getaddrinfo"),
    ],
)
def test_what_would_have_an_effect_outside_is_refused_and_noted(tmp_path, what, deed):
    (tmp_path / "there").write_text("as it was")
    with Rehearsal() as rehearsal:
        with pytest.raises(NotDone):
            what(tmp_path)
        assert rehearsal.deeds[0].what.startswith(deed)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there").read_text() == "as it was"


@pytest.mark.parametrize(
    "out",
    [
        lambda mine, theirs: mine.rename(theirs / "new"),
        lambda mine, theirs: (theirs / "there").rename(mine.parent / "new"),
        lambda mine, theirs: os.link(theirs / "there", mine.parent / "new"),
        lambda mine, theirs: os.link(mine, theirs / "new"),
        lambda mine, theirs: (mine.parent / "link" / "new").write_text("x"),
        lambda mine, theirs: (mine.parent / "link" / "there").unlink(),
    ],
    ids=[
        "renamed out",
        "renamed in",
        "another name for theirs",
        "another name for mine",
        "by a link",
        "by a link's name",
    ],
)
def test_no_file_gets_out_of_the_rehearsals_folder_or_into_it(tmp_path, out):
    (tmp_path / "there").write_text("as it was")
    with Rehearsal() as rehearsal:
        mine = rehearsal.folder / "mine"
        mine.write_text("x")
        (rehearsal.folder / "link").symlink_to(tmp_path)
        with pytest.raises(NotDone):
            out(mine, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there").read_text() == "as it was"


def test_reading_and_a_hub_for_tests_go_on_as_always(tmp_path):
    (tmp_path / "there").write_text("as it was")
    with Rehearsal() as rehearsal:
        assert (tmp_path / "there").read_text() == "as it was"
        (rehearsal.folder / "mine").write_text("x")
        (rehearsal.folder / "mine").rename(rehearsal.folder / "other")
        os.utime(rehearsal.folder / "other")
        for database in (":memory:", rehearsal.folder / "mine.db", f"file:{tmp_path}/there?mode=ro"):
            sqlite3.connect(database, uri=True).close()
        with tempfile.TemporaryDirectory(prefix="skolnav-test-") as folder:
            Path(folder, "log.db").write_text("x")
        assert not Path(folder).exists()
        assert rehearsal.deeds == []
    assert current() is None
    assert not rehearsal.folder.exists()


def test_after_a_rehearsal_everything_is_done_again(tmp_path):
    with Rehearsal():
        pass
    (tmp_path / "new").write_text("x")
    with Rehearsal(), pytest.raises(RuntimeError, match="under way"), Rehearsal():
        pass
