"""Backups by schedule: one a day, kept for a time, and a rehearsal that opens one."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hub.assembly.backups import found, last_due
from hub.assembly.hub import Hub
from hub.bus.base import LogUnavailable
from hub.config import HubConfig
from hub.config.model import BackupSettings
from hub.directory.directory import Protection
from hub.engines import BackupFailed, restore
from hub.operating.rehearsal import rehearse
from hub.texts import Text
from plugins.manager import Plugins
from plugins.testing import ManualClock
from tests.school import LESSON, PERSON, append, current, event, lesson, person, uid
from tests.until import until

DAY_S = 24 * 3600


@pytest.fixture
def settings(tmp_path: Path) -> BackupSettings:
    return BackupSettings(folder=tmp_path / "copies", at="02:30", keep=timedelta(days=3))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock("2026-11-24T08:00")


@pytest.fixture
async def hub(tmp_path: Path, clock: ManualClock, settings: BackupSettings) -> AsyncIterator[Hub]:
    config = HubConfig("Exempelkommun", "exempelkommun", tmp_path / "data", backups=settings)
    hub = await Hub.start(config, clock=clock, plugins=Plugins.of())
    yield hub
    await hub.stop()


async def test_a_hub_that_was_down_makes_its_backup_at_the_start_and_one_a_day_then(
    hub: Hub, clock: ManualClock, settings: BackupSettings
) -> None:
    await until(lambda: len(found(settings.folder)) == 1)
    assert found(settings.folder)[0][1].name.startswith("skolnav-20261124T0700")
    clock.pass_machine(DAY_S)
    await until(lambda: len(found(settings.folder)) == 2, meanwhile=lambda: clock.pass_machine(600))


async def test_old_backups_go_and_the_newest_stays_whatever_its_age(
    hub: Hub, clock: ManualClock, settings: BackupSettings
) -> None:
    await until(lambda: len(found(settings.folder)) == 1)
    own = settings.folder / "notes of the operator"
    own.mkdir()
    for _ in range(5):
        clock.pass_machine(DAY_S)
        made = lambda: found(settings.folder)[-1][0] >= last_due(settings, clock.utc())  # noqa: E731
        await until(made, meanwhile=lambda: clock.pass_machine(600))
    await until(lambda: found(settings.folder)[0][0] >= clock.utc() - settings.keep)
    assert len(found(settings.folder)) in (3, 4)
    assert own.is_dir()
    clock.pass_machine(30 * DAY_S)
    await until(lambda: len(found(settings.folder)) == 1, meanwhile=lambda: clock.pass_machine(600))


async def test_one_that_fails_is_reported_leaves_nothing_and_is_tried_again(
    hub: Hub, clock: ManualClock, settings: BackupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: len(found(settings.folder)) == 1)

    async def damaged(folder: Path) -> int:
        folder.mkdir()
        (folder / "store.db").write_bytes(b"half")
        raise BackupFailed(Text("store.db är skadad", "store.db is damaged"))

    real = hub.services.engine.back_up
    monkeypatch.setattr(hub.services.engine, "back_up", damaged)
    clock.pass_machine(DAY_S)
    failed = lambda: any(each.where == "backups" for each in hub.problems)  # noqa: E731
    await until(failed, meanwhile=lambda: clock.pass_machine(600))
    assert len(list(settings.folder.iterdir())) == 1
    monkeypatch.setattr(hub.services.engine, "back_up", real)
    await until(lambda: len(found(settings.folder)) == 2, meanwhile=lambda: clock.pass_machine(600))


async def test_a_rehearsal_reads_the_whole_backup_and_changes_nothing(hub: Hub, settings: BackupSettings) -> None:
    await append(hub.services, event(LESSON, lesson(id=uid("one"))), event(LESSON, lesson(id=uid("two"))))
    copy = settings.folder / "by hand"
    await hub.services.engine.back_up(copy)
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    result = await rehearse(copy, "exempelkommun")
    assert (result.events, result.broken_at) == (2, None)
    assert result.newest is not None
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


async def test_a_backup_that_is_damaged_fails_its_rehearsal(hub: Hub, settings: BackupSettings) -> None:
    await append(hub.services, *(event(LESSON, lesson(id=uid(f"lesson {n}"))) for n in range(50)))
    copy = settings.folder / "by hand"
    await hub.services.engine.back_up(copy)
    whole = (copy / "log.db").read_bytes()
    (copy / "log.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises((BackupFailed, LogUnavailable)):
        await rehearse(copy, "exempelkommun")
    (copy / "log.db").unlink()
    with pytest.raises(FileNotFoundError):
        await rehearse(copy, "exempelkommun")


async def test_a_backup_without_its_last_disclosure_fails_its_rehearsal(hub: Hub, settings: BackupSettings) -> None:
    copy = settings.folder / "by hand"
    await hub.services.engine.back_up(copy)
    with sqlite3.connect(copy / "store.db") as store:
        head = "INSERT INTO disclosure_heads (tenant, n, hash) VALUES ('exempelkommun', 7, x'00')"
        store.execute(head)
    store.close()
    assert (await rehearse(copy, "exempelkommun")).broken_at is not None


async def test_after_a_restore_nobody_is_open_until_the_source_has_said_anew_that_it_is_complete(
    hub: Hub, tmp_path: Path, clock: ManualClock
) -> None:
    """Promise 4: the backup may lack a mark that came after it."""
    anna = uid("Anna")
    await append(hub.services, current(clock.utc()), event(PERSON, person(anna)))
    assert hub.directory.protection(anna, clock.utc()) is Protection.OPEN
    copy, data = tmp_path / "copy", tmp_path / "other"
    await hub.services.engine.back_up(copy)
    data.mkdir()
    restore(copy, data)
    (data / "key").write_bytes((hub.config.data / "key").read_bytes())
    config = HubConfig("Exempelkommun", "exempelkommun", data)
    for _ in range(2):  # also after a restart that nothing came before
        restored = await Hub.start(config, clock=clock, plugins=Plugins.of())
        try:
            assert restored.directory.protection(anna, clock.utc()) is Protection.STALE
            assert not restored.directory.current_sources()
        finally:
            await restored.stop()
        assert not (data / "restored").exists()
    restored = await Hub.start(config, clock=clock, plugins=Plugins.of())
    try:
        await append(restored.services, current(clock.utc()))
        assert restored.directory.protection(anna, clock.utc()) is Protection.OPEN
    finally:
        await restored.stop()
    restored = await Hub.start(config, clock=clock, plugins=Plugins.of())
    assert restored.directory.protection(anna, clock.utc()) is Protection.OPEN
    await restored.stop()


async def test_a_backup_that_cannot_be_made_is_a_condition_until_one_is_made(
    tmp_path: Path, clock: ManualClock, settings: BackupSettings
) -> None:
    settings.folder.write_text("a file where the folder should be")
    config = HubConfig("Exempelkommun", "exempelkommun", tmp_path / "data", backups=settings)
    hub = await Hub.start(config, clock=clock, plugins=Plugins.of())
    try:
        found_now = lambda: [each for each in hub.services.conditions.seen() if each.code == "backup-failing"]  # noqa: E731
        await until(lambda: bool(found_now()))
        [failing] = found_now()
        assert (failing.place, failing.error, failing.attempts) == ("hub", "backup-folder", 1)
        assert failing.next_try is not None
        assert failing.next_try > failing.since
        await until(lambda: found_now()[0].attempts > 1, meanwhile=lambda: clock.pass_machine(600))
        assert found_now()[0].since == failing.since
        settings.folder.unlink()
        await until(lambda: not found_now(), meanwhile=lambda: clock.pass_machine(600))
        assert len(found(settings.folder)) == 1
    finally:
        await hub.stop()
