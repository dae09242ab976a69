"""Files that the hub writes for people: whole, and never through a link that somebody put at the name."""

import stat
from pathlib import Path

import pytest

from hub.files import OWN_MODE, append_line, replace_file


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    (tmp_path / "out.json").symlink_to(victim)
    replace_file(tmp_path / "out.json", b"new")
    assert (victim.read_bytes(), (tmp_path / "out.json").read_bytes()) == (b"kept", b"new")
    assert not (tmp_path / "out.json").is_symlink()


@pytest.mark.parametrize(("more", "mode"), [({}, 0o640), ({"mode": OWN_MODE}, 0o600)])
def test_its_rights_are_those_that_were_asked_for(tmp_path: Path, more: dict[str, int], mode: int) -> None:
    replace_file(tmp_path / "out", b"x", **more)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == mode


def test_what_can_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "inside").touch()
    with pytest.raises(OSError, match="out"):
        replace_file(tmp_path / "out", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_lines_are_not_appended_through_a_link(tmp_path: Path) -> None:
    append_line(tmp_path / "lines", b"one")
    append_line(tmp_path / "lines", b"two")
    assert (tmp_path / "lines").read_bytes() == b"one\ntwo\n"
    (tmp_path / "link").symlink_to(tmp_path / "lines")
    with pytest.raises(OSError, match="link"):
        append_line(tmp_path / "link", b"three")
    assert (tmp_path / "lines").read_bytes() == b"one\ntwo\n"
