"""The hub's key file."""

import secrets
import stat
from pathlib import Path

import pytest

from hub import keys


def test_the_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    key = keys.load_or_create(tmp_path / "key")
    assert len(key) == keys.KEY_BYTES
    assert keys.load_or_create(tmp_path / "key") == key
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_a_first_start_that_is_cut_off_does_not_bar_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 1: at any moment, this one too."""

    def killed(count: int) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(secrets, "token_bytes", killed)
        with pytest.raises(KeyboardInterrupt):
            keys.load_or_create(tmp_path / "key")
    assert len(keys.load_or_create(tmp_path / "key")) == keys.KEY_BYTES


def test_what_is_no_key_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(ValueError, match="not a 32-byte key"):
        keys.load_or_create(tmp_path / "key")


def test_a_fingerprint_tells_keys_and_tenants_apart_and_is_no_part_of_any_other_key() -> None:
    one, other = keys.Keys(bytes(32)), keys.Keys(bytes(31) + b"1")
    assert one.fingerprint("ort") == keys.Keys(bytes(32)).fingerprint("ort")
    assert len({one.fingerprint("ort"), other.fingerprint("ort"), one.fingerprint("annan"), one.derive("ort")}) == 4
