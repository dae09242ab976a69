import os
import shutil
import socket
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


def test_reading_and_a_hub_for_tests_go_on_as_always(tmp_path):
    (tmp_path / "there").write_text("as it was")
    with Rehearsal() as rehearsal:
        assert (tmp_path / "there").read_text() == "as it was"
        (rehearsal.folder / "mine").write_text("x")
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
