"""What every store promises. Subclass as Test...; give an empty `store` fixture."""

import asyncio
import contextlib
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text

from hub.clock import to_us
from hub.store import (
    attempts,
    audit,
    connector_state,
    cursors,
    dead_letters,
    disclosures,
    lanes,
    moments,
    numbered,
    outbox,
    parked,
    subscriptions,
    tables,
    timers,
    withheld,
)
from hub.store.base import Store
from hub.store.withheld import Withheld

T = "ort"
NOW = datetime(2026, 11, 24, 6, 42, 11, 123456, tzinfo=UTC)

PARKED = parked.Parked(
    subscription="acme",
    lane="",
    key=b"key-1",
    place=7,
    cause="http",
    attempts=1,
    due=NOW + timedelta(minutes=1),
    since=NOW,
    reason="http-503",
)
LETTER = dead_letters.DeadLetter(
    id="1",
    subscription="acme",
    lane="",
    place=7,
    event_id="e-1",
    source="urn:s",
    type="se.skolnav.absence.reported.v1",
    reason="http-400",
    attempts=3,
    first_at=NOW,
    dead_at=NOW + timedelta(hours=1),
)
ATTEMPT = attempts.FailedAttempt(
    subscription="acme",
    lane="live",
    place=7,
    event_id="e-1",
    source="urn:s",
    type="se.skolnav.absence.reported.v1",
    number=1,
    at=NOW,
    took_s=0.25,
    result="retry",
    reason="http-503",
    status=503,
)
TOLD = disclosures.Decided(lane="", rule="tillaten", allowed=True, places=(5, 9), subjects=("s1", "s2"))
DENIED = disclosures.Decided(lane="", rule="skydd.person", allowed=False, places=(5, 9), subjects=("s1", "s2"))
DISCLOSURE = disclosures.Disclosure(
    at=NOW,
    recipient="client/acme",
    subscription="acme-absence",
    contracts=("c1", "c2"),
    decided=(TOLD,),
)


def cursor(subscription: str = "acme", lane: str = "", position: bytes = b"p1", open_: tuple[int, ...] = ()):
    return cursors.Cursor(subscription=subscription, lane=lane, position=position, open=open_, accepted_us=1_000_000)


def failing(connection: Connection) -> None:
    raise ZeroDivisionError("a bug in one caller's operation")


@contextlib.contextmanager
def held(store: Store) -> Iterator[None]:
    """Keep the writer busy, so that the commits of this block go into one group."""
    release = threading.Event()
    store.commit(lambda _: release.wait(10))
    try:
        yield
    finally:
        release.set()


class StoreContract:
    """Promises every store keeps."""

    # -- commits ---------------------------------------------------------------------------------------------

    async def test_what_is_committed_together_is_stored_together(self, store: Store) -> None:
        await store.commit(cursors.save(T, cursor()), outbox.add(T, "kitchen", [b"one"]))
        assert await store.read(cursors.load(T)) == [cursor()]
        assert [row.body for row in await store.read(outbox.load(T))] == [b"one"]

    async def test_an_operation_that_raises_undoes_its_whole_commit(self, store: Store) -> None:
        with pytest.raises(ZeroDivisionError):
            await store.commit(cursors.save(T, cursor()), failing)
        assert await store.read(cursors.load(T)) == []

    async def test_a_failing_commit_in_a_group_leaves_the_others_stored_in_order(self, store: Store) -> None:
        with held(store):
            futures = [
                store.commit(outbox.add(T, "a", [b"1"])),
                store.commit(outbox.add(T, "a", [b"lost"]), failing),
                store.commit(outbox.add(T, "a", [b"2"])),
            ]
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), ZeroDivisionError, type(None)]
        assert [row.body for row in await store.read(outbox.load(T))] == [b"1", b"2"]

    async def test_a_statement_that_the_database_refuses_fails_its_own_commit_only(self, store: Store) -> None:
        row = {"tenant": T, "id": "1"}  # lacks columns that may not be empty
        with held(store):
            futures = [
                store.commit(cursors.save(T, cursor())),
                store.commit(lambda connection: connection.execute(tables.dead_letters.insert(), row)),
            ]
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert results[0] is None
        assert isinstance(results[1], Exception)
        assert await store.read(cursors.load(T)) == [cursor()]

    async def test_commits_become_durable_in_the_order_of_the_calls(self, store: Store) -> None:
        bodies = [str(n).encode() for n in range(300)]
        await asyncio.gather(*(store.commit(outbox.add(T, "kitchen", [body])) for body in bodies))
        assert [row.body for row in await store.read(outbox.load(T))] == bodies

    async def test_a_reader_can_not_write(self, store: Store) -> None:
        with pytest.raises(Exception, match=r"(?i)read.?only"):
            await store.read(lambda connection: connection.execute(tables.numbers.insert(), _number()))
        assert await store.read(lambda connection: connection.execute(select(tables.numbers)).all()) == []

    async def test_an_error_quotes_no_value(self, store: Store) -> None:
        """Promise 8: no personal data in an error."""
        row = {**_number(), "name": "Kanarie"}
        with pytest.raises(Exception) as caught:
            await store.commit(lambda connection: connection.execute(tables.numbers.insert(), [row, row]))
        assert "numbers" in str(caught.value)
        assert "Kanarie" not in str(caught.value)

    async def test_tenants_do_not_see_each_other(self, store: Store) -> None:
        await store.commit(
            cursors.save("annan", cursor()),
            parked.park("annan", PARKED),
            outbox.add("annan", "kitchen", [b"x"]),
            withheld.add("annan", [Withheld("p", "e", "r")]),
            disclosures.append("annan", [DISCLOSURE]),
        )
        assert await store.read(cursors.load(T)) == []
        assert await store.read(parked.load(T)) == []
        assert await store.read(outbox.load(T)) == []
        assert await store.read(withheld.persons(T)) == set()
        assert await store.read(disclosures.for_place(T, "client/acme", 5)) == []

    # -- cursors ---------------------------------------------------------------------------------------------

    async def test_a_cursor_comes_back_with_its_open_places_in_order(self, store: Store) -> None:
        saved = cursor(open_=(9, 3, 5 << 48, 4))
        await store.commit(cursors.save(T, saved))
        assert await store.read(cursors.load(T)) == [saved]

    async def test_the_last_cursor_of_a_lane_is_kept(self, store: Store) -> None:
        await store.commit(cursors.save(T, cursor(), cursor(lane="r1"), cursor(position=b"p2")))
        found = {(c.lane, c.position) for c in await store.read(cursors.load(T))}
        assert found == {("", b"p2"), ("r1", b"p1")}

    async def test_a_lane_or_a_whole_subscription_is_forgotten(self, store: Store) -> None:
        await store.commit(cursors.save(T, cursor(), cursor(lane="r1"), cursor("other")))
        await store.commit(cursors.forget(T, "acme", "r1"))
        assert {(c.subscription, c.lane) for c in await store.read(cursors.load(T))} == {("acme", ""), ("other", "")}
        await store.commit(cursors.forget(T, "acme"))
        assert [c.subscription for c in await store.read(cursors.load(T))] == ["other"]

    async def test_a_cursor_forgotten_after_it_was_saved_stays_forgotten(self, store: Store) -> None:
        """Rows of many commits are written together; the order of the calls still counts."""
        with held(store):
            futures = [
                store.commit(cursors.save(T, cursor(), cursor(lane="r1"))),
                store.commit(cursors.forget(T, "acme", "r1"), cursors.save(T, cursor(position=b"p2"))),
                store.commit(cursors.save(T, cursor("other")), cursors.save(T)),
                store.commit(cursors.save(T, cursor(position=b"p3"))),
            ]
        await asyncio.gather(*futures)
        found = {(c.subscription, c.lane, c.position) for c in await store.read(cursors.load(T))}
        assert found == {("acme", "", b"p3"), ("other", "", b"p1")}

    # -- parked keys -----------------------------------------------------------------------------------------

    async def test_a_parked_key_comes_back_with_what_waits_behind_it_in_order(self, store: Store) -> None:
        await store.commit(parked.park(T, PARKED), parked.wait(T, "acme", "", key=b"key-1", places=[12, 8]))
        await store.commit(parked.wait(T, "acme", "", key=b"key-1", places=[30]))
        assert await store.read(parked.load(T)) == [(PARKED, (12, 8, 30))]

    async def test_parking_again_keeps_what_waits(self, store: Store) -> None:
        again = replace(PARKED, place=12, attempts=2)
        await store.commit(parked.park(T, PARKED), parked.wait(T, "acme", "", key=b"key-1", places=[12, 30]))
        await store.commit(parked.park(T, again), parked.drop_waiting(T, "acme", "", key=b"key-1", places=[12]))
        assert await store.read(parked.load(T)) == [(again, (30,))]

    async def test_what_waits_after_some_were_dropped_still_comes_last(self, store: Store) -> None:
        await store.commit(parked.park(T, PARKED), parked.wait(T, "acme", "", key=b"key-1", places=[1, 2, 3]))
        await store.commit(parked.drop_waiting(T, "acme", "", key=b"key-1", places=[1]))
        await store.commit(parked.wait(T, "acme", "", key=b"key-1", places=[0]))
        assert await store.read(parked.load(T)) == [(PARKED, (2, 3, 0))]

    async def test_an_unparked_key_leaves_nothing_and_others_stay(self, store: Store) -> None:
        other = replace(PARKED, key=b"key-2")
        await store.commit(
            parked.park(T, PARKED),
            parked.park(T, other),
            parked.wait(T, "acme", "", key=b"key-1", places=[12]),
            parked.wait(T, "acme", "", key=b"key-2", places=[13]),
        )
        await store.commit(parked.unpark(T, "acme", "", key=b"key-1"))
        assert await store.read(parked.load(T)) == [(other, (13,))]

    async def test_parked_keys_are_forgotten_by_lane_and_by_subscription(self, store: Store) -> None:
        in_lane = replace(PARKED, lane="r1")
        await store.commit(
            parked.park(T, PARKED), parked.park(T, in_lane), parked.wait(T, "acme", "", key=b"key-1", places=[9])
        )
        await store.commit(parked.forget(T, "acme", ""))
        assert await store.read(parked.load(T)) == [(in_lane, ())]
        await store.commit(parked.forget(T, "acme"))
        assert await store.read(parked.load(T)) == []

    # -- dead letters ----------------------------------------------------------------------------------------

    async def test_dead_letters_are_paged_in_the_order_of_their_ids(self, store: Store) -> None:
        letters = [replace(LETTER, id=dead_letters.new_id(NOW + timedelta(seconds=n))) for n in range(3)]
        other = replace(letters[1], id=letters[1].id + "x", subscription="other")
        await store.commit(*(dead_letters.add(T, letter) for letter in [*reversed(letters), other]))
        first = await store.read(dead_letters.page(T, "acme", limit=2))
        rest = await store.read(dead_letters.page(T, "acme", first[-1].id))
        assert [*first, *rest] == letters
        assert len(await store.read(dead_letters.page(T))) == 4

    async def test_a_dead_letter_is_found_by_id_until_it_ends_and_its_end_is_kept(self, store: Store) -> None:
        await store.commit(dead_letters.add(T, LETTER))
        assert await store.read(dead_letters.get(T, "1")) == LETTER
        ended = dead_letters.EndedLetter(letter=LETTER, ended_at=NOW, how="discarded", by="op", note="moved away")
        again = replace(ended, by="another")
        await store.commit(dead_letters.end(T, ended))
        await store.commit(dead_letters.end(T, again))  # two operators at a time: the first end counts
        assert await store.read(dead_letters.get(T, "1")) is None
        assert await store.read(dead_letters.ended_page(T)) == [ended]
        assert await store.read(dead_letters.ended_for_places(T, [LETTER.place])) == [ended]

    async def test_ended_letters_are_paged_from_the_newest_and_trimmed_from_the_oldest(self, store: Store) -> None:
        letters = [replace(LETTER, id=str(n)) for n in range(4)]
        ends = [
            dead_letters.EndedLetter(letter=letter, ended_at=NOW + timedelta(hours=n), how="resent", by="op")
            for n, letter in enumerate(letters)
        ]
        await store.commit(*(dead_letters.add(T, letter) for letter in letters))
        await store.commit(*(dead_letters.end(T, each) for each in ends))
        first = await store.read(dead_letters.ended_page(T, "acme", limit=2))
        rest = await store.read(dead_letters.ended_page(T, "acme", first[-1].letter.id))
        assert [*first, *rest] == ends[::-1]
        await store.commit(dead_letters.trim_ended(T, NOW + timedelta(hours=2), 1))
        assert await store.read(dead_letters.ended_page(T)) == ends[:0:-1]

    # -- failed attempts -------------------------------------------------------------------------------------

    async def test_failed_attempts_are_found_by_place_and_paged_from_the_newest(self, store: Store) -> None:
        rows = [replace(ATTEMPT, number=n) for n in range(1, 4)]
        other = replace(ATTEMPT, subscription="other", place=8, status=None)
        await store.commit(*(attempts.add(T, row) for row in [*rows, other]))
        found = await store.read(attempts.for_places(T, [7]))
        assert [replace(each, n=0) for each in found] == rows
        newest = await store.read(attempts.page(T, "acme", limit=2))
        older = await store.read(attempts.page(T, "acme", newest[-1].n))
        assert [each.number for each in (*newest, *older)] == [3, 2, 1]
        assert [each.subscription for each in await store.read(attempts.page(T, limit=1))] == ["other"]

    async def test_failed_attempts_are_trimmed_from_the_oldest_and_forgotten_together(self, store: Store) -> None:
        times = [NOW, NOW + timedelta(days=1), NOW + timedelta(days=2)]
        await store.commit(*(attempts.add(T, replace(ATTEMPT, at=at)) for at in times))
        upto = await store.read(numbered.expired(tables.attempts, T, NOW + timedelta(hours=36), 100))
        assert upto is not None
        await store.commit(numbered.trim(tables.attempts, T, upto))
        assert [each.at for each in await store.read(attempts.page(T))] == times[2:]
        assert await store.read(numbered.expired(tables.attempts, T, NOW, 100)) is None
        await store.commit(attempts.forget(T, "acme"))
        assert await store.read(attempts.page(T)) == []

    async def test_a_subscriptions_dead_letters_are_forgotten_together(self, store: Store) -> None:
        other = replace(LETTER, id="2", subscription="other")
        await store.commit(dead_letters.add(T, LETTER), dead_letters.add(T, other))
        await store.commit(dead_letters.forget(T, "acme"))
        assert await store.read(dead_letters.page(T)) == [other]

    # -- outbox, connector state, timers ---------------------------------------------------------------------

    async def test_an_outbox_number_is_never_used_again(self, store: Store) -> None:
        """A relay that has read up to a number would miss a later row under it (promise 1)."""
        await store.commit(outbox.add(T, "kitchen", [b"1", b"2"]))
        rows = await store.read(outbox.load(T))
        await store.commit(outbox.remove(T, [row.n for row in rows]))
        await store.commit(outbox.add(T, "kitchen", [b"3"]))
        assert [row.body for row in await store.read(outbox.load(T, after=rows[-1].n))] == [b"3"]

    async def test_the_outbox_is_read_oldest_first_in_pages(self, store: Store) -> None:
        await store.commit(outbox.add(T, "kitchen", [b"1", b"2", b"3"]), outbox.add(T, "sis", []))
        page = await store.read(outbox.load(T, limit=2))
        rest = await store.read(outbox.load(T, after=page[-1].n))
        assert [(row.connector, row.body) for row in [*page, *rest]] == [
            ("kitchen", b"1"),
            ("kitchen", b"2"),
            ("kitchen", b"3"),
        ]

    async def test_connector_state_is_kept_replaced_and_forgotten_by_name(self, store: Store) -> None:
        await store.commit(connector_state.put(T, "kitchen", {"a": b"1", "b": b"2", "c": b""}))
        await store.commit(
            connector_state.put(T, "kitchen", {"a": b"3", "b": None}), connector_state.put(T, "sis", {"a": b"x"})
        )
        assert await store.read(connector_state.load(T, "kitchen")) == {"a": b"3", "c": b""}
        assert await store.read(connector_state.load(T, "sis")) == {"a": b"x"}

    async def test_a_timer_has_one_due_time_which_comes_back_as_the_same_moment(self, store: Store) -> None:
        swedish = timezone(timedelta(hours=1))
        await store.commit(timers.set_due(T, timers.Timer("kitchen", "report", NOW)))
        await store.commit(
            timers.set_due(T, timers.Timer("kitchen", "report", (NOW + timedelta(days=1)).astimezone(swedish)))
        )
        (timer,) = await store.read(timers.load(T))
        assert timer == timers.Timer("kitchen", "report", NOW + timedelta(days=1))
        assert timer.due.utcoffset() == timedelta(0)
        await store.commit(timers.forget(T, "kitchen"))
        assert await store.read(timers.load(T)) == []

    async def test_a_moment_has_one_due_time_for_each_connector_name_and_key(self, store: Store) -> None:
        def put(connector: str, *changes: tuple[str, str, int | None]):
            wanted = {
                (name, key): None if due_us is None else moments.Moment(name, key, due_us)
                for name, key, due_us in changes
            }
            return moments.put_newest(T, connector, lambda: wanted)

        await store.commit(
            put("kitchen", ("ends", "l1", 5), ("ends", "l2", 6), ("warn", "l1", 7)), put("sis", ("ends", "l1", 8))
        )
        await store.commit(put("kitchen", ("ends", "l1", 9), ("ends", "l2", None), ("ends", "never-set", None)))
        found = await store.read(moments.load(T, "kitchen"))
        assert {(each.name, each.key, each.due_us) for each in found} == {("ends", "l1", 9), ("warn", "l1", 7)}
        assert await store.read(moments.load(T, "sis")) == [moments.Moment("ends", "l1", 8)]
        assert await store.read(moments.load("annan", "kitchen")) == []

    async def test_a_moment_comes_back_to_the_microsecond_in_utc(self, store: Store) -> None:
        moment = moments.Moment("ends", "l1", to_us(NOW))
        await store.commit(moments.put_newest(T, "kitchen", lambda: {("ends", "l1"): moment}))
        (found,) = await store.read(moments.load(T, "kitchen"))
        assert found.due == NOW
        assert found.due.utcoffset() == timedelta(0)

    async def test_what_a_moments_change_is_counts_when_it_is_written(self, store: Store) -> None:
        """A delivery's commit may be written after a timer's that was made later."""
        given = iter([{("ends", "l1"): moments.Moment("ends", "l1", 1)}, {}])
        operation = moments.put_newest(T, "kitchen", lambda: next(given))
        with pytest.raises(ZeroDivisionError):
            await store.commit(operation, failing)
        await store.commit(operation)
        assert await store.read(moments.load(T, "kitchen")) == []

    # -- withheld marks --------------------------------------------------------------------------------------

    async def test_a_withheld_mark_is_kept_once_and_removed_exactly(self, store: Store) -> None:
        mark, other = Withheld("p1", "absence/1", "client/acme"), Withheld("p1", "absence/1", "client/b")
        await store.commit(withheld.add(T, [mark, mark]), withheld.add(T, [mark, other]))
        assert sorted(m.recipient for m in await store.read(withheld.of(T, ["p1"]))) == ["client/acme", "client/b"]
        await store.commit(withheld.remove(T, [mark]))
        assert await store.read(withheld.of(T, ["p1"])) == [other]

    async def test_marks_of_any_number_of_persons_are_found(self, store: Store) -> None:
        marks = {Withheld(f"p{n}", f"absence/{n}", "client/acme") for n in range(1200)}
        await store.commit(withheld.add(T, marks))
        everybody = await store.read(withheld.persons(T))
        assert everybody == {mark.person for mark in marks}
        assert set(await store.read(withheld.of(T, everybody))) == marks
        assert await store.read(withheld.of(T, ["nobody"])) == []

    # -- disclosures -----------------------------------------------------------------------------------------

    async def test_a_disclosure_is_found_by_recipient_and_each_of_its_places(self, store: Store) -> None:
        later = replace(DISCLOSURE, at=NOW + timedelta(seconds=1), decided=(DENIED,))
        await store.commit(disclosures.append(T, [DISCLOSURE, replace(DISCLOSURE, recipient="client/b")]))
        await store.commit(disclosures.append(T, [later]))
        found = await store.read(disclosures.for_place(T, "client/acme", 9))
        assert [row.disclosure for row in found] == [DISCLOSURE, later]
        assert await store.read(disclosures.for_place(T, "client/acme", 7)) == []

    async def test_an_untouched_chain_verifies_over_groups_and_failures(self, store: Store) -> None:
        with held(store):
            futures = [
                store.commit(disclosures.append(T, [DISCLOSURE] * 3)),
                store.commit(disclosures.append(T, [DISCLOSURE]), failing),
                store.commit(disclosures.append(T, [DISCLOSURE] * 2), disclosures.append(T, [])),
            ]
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert isinstance(results[1], ZeroDivisionError)
        assert await store.read(disclosures.verify(T)) == whole(5)

    async def test_an_empty_chain_is_whole(self, store: Store) -> None:
        assert await store.read(disclosures.verify(T)) == whole(0)

    @pytest.mark.parametrize("step", [None, 1, 2, 3, 4, 99])
    @pytest.mark.parametrize(
        ("tampering", "broken_at"),
        [
            (lambda t: t.update().where(t.c.n == 2).values(recipient="client/other"), 2),
            (lambda t: t.update().where(t.c.n == 2).values(decided=func.replace(t.c.decided, "true", "false")), 2),
            (lambda t: t.update().where(t.c.n == 4).values(hash=bytes(32)), 4),
            (lambda t: t.delete().where(t.c.n == 1), 1),
            (lambda t: t.delete().where(t.c.n == 2), 2),
            (lambda t: t.delete().where(t.c.n == 4), 4),
            (lambda t: t.delete().where(t.c.n >= 3), 3),
            (lambda t: t.delete(), 1),
            (lambda t: t.update().where(t.c.n == 3).values(n=5), 3),
        ],
        ids=[
            "a row changed", "an outcome changed", "the last hash changed", "the first removed", "one removed",
            "the last removed", "the end removed", "all removed", "one moved to the end",
        ],
    )  # fmt: skip
    async def test_a_chain_that_was_tampered_with_does_not_verify(
        self, store: Store, tampering: Any, broken_at: int, step: int | None
    ) -> None:
        """In one walk, and in as many as it takes: each says the same place."""
        await store.commit(disclosures.append(T, [DISCLOSURE] * 4))
        await store.commit(lambda connection: connection.execute(tampering(tables.disclosures)))
        assert await walked(store, step) == (broken_at - 1, broken_at)

    @pytest.mark.parametrize("step", [None, 1, 4])
    async def test_a_row_that_was_added_at_the_end_does_not_verify(self, store: Store, step: int | None) -> None:
        """Even where it fits the row before it: the head does not know it."""
        await store.commit(disclosures.append(T, [DISCLOSURE] * 3))
        head = await store.read(lambda connection: connection.execute(tables.disclosure_heads.select()).one())
        await store.commit(disclosures.append(T, [DISCLOSURE]))
        back = tables.disclosure_heads.update().values(n=head.n, hash=head.hash)
        await store.commit(lambda connection: connection.execute(back))
        assert await walked(store, step) == (3, 4)

    async def test_a_walk_in_steps_sees_what_is_appended_meanwhile(self, store: Store) -> None:
        await store.commit(disclosures.append(T, [DISCLOSURE] * 3))
        first = await store.read(disclosures.verify(T, limit=2))
        assert first == disclosures.Verified(rows=2, broken_at=None, complete=False)
        await store.commit(disclosures.append(T, [DISCLOSURE] * 2))
        assert await store.read(disclosures.verify(T, after=first.rows)) == whole(5)

    async def test_a_walk_from_a_row_that_is_not_there_breaks_at_it(self, store: Store) -> None:
        await store.commit(disclosures.append(T, [DISCLOSURE]))
        assert (await store.read(disclosures.verify(T, after=7))).broken_at == 7

    # -- disclosures: bounded rows -----------------------------------------------------------------------------

    async def test_a_large_answer_makes_a_small_row_that_still_proves_what_it_disclosed(self, store: Store) -> None:
        places, subjects = tuple(range(20_000)), tuple(f"{n:016}" for n in range(20_000))
        large = replace(TOLD, places=places, subjects=subjects)
        await store.commit(disclosures.append(T, [replace(DISCLOSURE, decided=(large,))]))
        size = func.length(tables.disclosures.c.decided)
        assert await store.read(lambda connection: connection.execute(select(size)).scalar_one()) < 150_000
        (found,) = await store.read(disclosures.for_place(T, "client/acme", 7))
        rest = found.decided.unlisted
        assert found.listed
        assert rest is not None
        unlisted = 20_000 - disclosures.LISTED
        assert (len(found.decided.places), rest.places, rest.subjects) == (disclosures.LISTED, unlisted, unlisted)
        assert rest.digest == disclosures.digest_of(places, subjects)
        assert [each.listed for each in await store.read(disclosures.for_place(T, "client/acme", 19_999))] == [False]
        assert await store.read(disclosures.for_place(T, "client/acme", 20_000)) == []

    async def test_one_answer_is_one_row_whose_allowed_events_are_listed_first(self, store: Store) -> None:
        denied = replace(DENIED, places=tuple(range(100, 20_000)))
        told = replace(TOLD, places=tuple(range(20_000, 21_000)))
        await store.commit(disclosures.append(T, [replace(DISCLOSURE, decided=(denied, told))]))
        assert await store.read(disclosures.verify(T)) == whole(1)
        for place in (20_000, 20_999):
            (found,) = await store.read(disclosures.for_place(T, "client/acme", place))
            assert (found.decided.allowed, found.decided.unlisted, found.listed) == (True, None, True)
        (found,) = await store.read(disclosures.for_place(T, "client/acme", 19_999))
        assert (found.decided.allowed, found.listed) == (False, False)

    # -- disclosures and audit: retention ------------------------------------------------------------------------

    @pytest.mark.parametrize("step", [None, 1, 2, 99])
    @pytest.mark.parametrize("upto", [1, 3, 4])
    async def test_a_trimmed_chain_verifies_from_its_anchor_and_goes_on(
        self, store: Store, upto: int, step: int | None
    ) -> None:
        await store.commit(disclosures.append(T, [DISCLOSURE] * 4))
        await store.commit(disclosures.trim(T, upto))
        await store.commit(disclosures.append(T, [DISCLOSURE] * 2))
        assert await walked(store, step) == (6, None)
        assert (await store.read(disclosures.verify(T))).trimmed == upto

    @pytest.mark.parametrize("step", [None, 1, 99])
    @pytest.mark.parametrize(
        ("tampering", "broken_at"),
        [
            (lambda r, a: r.delete().where(r.c.n == 3), 3),
            (lambda r, a: r.delete().where(r.c.n == 4), 4),
            (lambda r, a: r.delete().where(r.c.n == 6), 6),
            (lambda r, a: r.delete(), 3),
            (lambda r, a: a.update().values(n=4), 3),
            (lambda r, a: a.update().values(hash=bytes(32)), 3),
            (lambda r, a: a.delete(), 1),
            (lambda r, a: r.update().where(r.c.n == 3).values(n=1), 1),
        ],
        ids=[
            "the first left removed", "one removed", "the last removed", "all removed", "the anchor moved",
            "the anchor's hash changed", "the anchor removed", "a row put before the anchor",
        ],
    )  # fmt: skip
    async def test_a_trimmed_chain_that_was_tampered_with_does_not_verify(
        self, store: Store, tampering: Any, broken_at: int, step: int | None
    ) -> None:
        await store.commit(disclosures.append(T, [DISCLOSURE] * 6))
        await store.commit(disclosures.trim(T, 2))
        statement = tampering(tables.disclosures, tables.disclosure_anchors)
        await store.commit(lambda connection: connection.execute(statement))
        assert (await walked(store, step))[1] == broken_at

    async def test_a_walk_in_steps_goes_on_where_rows_were_trimmed_meanwhile(self, store: Store) -> None:
        await store.commit(disclosures.append(T, [DISCLOSURE] * 5))
        first = await store.read(disclosures.verify(T, limit=2))
        await store.commit(disclosures.trim(T, 4))
        found = await store.read(disclosures.verify(T, after=first.rows))
        assert (found.rows, found.broken_at, found.complete) == (5, None, True)

    async def test_a_trim_that_fails_before_its_anchor_removes_nothing(self, store: Store) -> None:
        await store.commit(disclosures.append(T, [DISCLOSURE] * 3))
        fails = "CREATE TRIGGER no BEFORE INSERT ON disclosure_anchors BEGIN SELECT RAISE(ABORT, 'cut'); END"
        await store.commit(lambda connection: connection.execute(text(fails)))
        with pytest.raises(Exception, match="cut"):
            await store.commit(disclosures.trim(T, 2))
        assert await store.read(disclosures.verify(T)) == whole(3)

    async def test_expired_are_the_oldest_rows_up_to_the_first_that_is_younger(self, store: Store) -> None:
        times = [0, 1, 9, 1, 10]
        rows = [replace(DISCLOSURE, at=NOW + timedelta(seconds=second)) for second in times]
        await store.commit(disclosures.append(T, rows))
        for second in times:
            await store.commit(audit.add(T, NOW + timedelta(seconds=second), actor="a", action="b", target=""))

        async def upto(seconds: int, limit: int = 99) -> tuple[int | None, int | None]:
            before = NOW + timedelta(seconds=seconds)
            found = await store.read(disclosures.expired(T, before, limit))
            rows = await store.read(numbered.expired(tables.audit, T, before, limit))
            return (None if found is None else found.upto), rows

        assert await upto(0) == (None, None)
        assert await upto(1) == (1, 1)
        assert await upto(9) == (2, 2)
        assert await upto(10) == (4, 4)
        assert await upto(99, limit=3) == (3, 3)

    async def test_expired_rows_of_a_broken_chain_are_said_to_be_broken(self, store: Store) -> None:
        """Were they trimmed, the anchor would hide what was removed by hand."""
        await store.commit(disclosures.append(T, [DISCLOSURE] * 5))
        rows = tables.disclosures
        await store.commit(lambda connection: connection.execute(rows.delete().where(rows.c.n == 2)))
        found = await store.read(disclosures.expired(T, NOW + timedelta(days=1), 99))
        assert found is not None
        assert found.broken_at == 2

    async def test_a_trimmed_audit_gives_no_number_twice(self, store: Store) -> None:
        for _ in range(3):
            await store.commit(audit.add(T, NOW, actor="a", action="b", target=""))
        await store.commit(numbered.trim(tables.audit, T, 3), audit.add(T, NOW, actor="a", action="c", target=""))
        assert [(row.n, row.action) for row in await store.read(audit.page(T))] == [(4, "c")]

    async def test_verifying_takes_no_more_memory_for_more_rows(self, store: Store) -> None:
        await store.commit(disclosures.append(T, [replace(DISCLOSURE, subscription="s" * 1000)] * 20_000))
        tracemalloc.start()
        try:
            assert await store.read(disclosures.verify(T)) == whole(20_000)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 8 << 20  # all rows at once would be more than 20 MiB

    # -- lanes, subscriptions, audit -------------------------------------------------------------------------

    async def test_lanes_come_back_in_the_order_they_were_asked_for(self, store: Store) -> None:
        first = lanes.Lane(
            subscription="acme",
            lane="r2",
            kind="resend",
            start=b"",
            until=b"",
            places=(9, 4),
            by="local",
            at=NOW,
            done=False,
        )
        second = lanes.Lane(
            subscription="acme",
            lane="r1",
            kind="replay",
            start=b"a",
            until=b"b",
            places=(),
            by="local",
            at=NOW + timedelta(seconds=1),
            done=False,
        )
        await store.commit(lanes.add(T, second), lanes.add(T, first))
        assert await store.read(lanes.load(T)) == [first, second]
        await store.commit(lanes.finish(T, "acme", "r2"))
        assert await store.read(lanes.load(T, "acme")) == [replace(first, done=True), second]
        await store.commit(lanes.forget(T, "acme", "r1"))
        assert await store.read(lanes.load(T, "other")) == []
        assert await store.read(lanes.load(T)) == [replace(first, done=True)]

    async def test_lanes_are_deleted_once_the_log_has_nothing_of_them_and_no_follower_reads_them(
        self, store: Store
    ) -> None:
        def lane(name: str, subscription: str = "acme", *, days: int, done: bool = False) -> lanes.Lane:
            return lanes.Lane(
                subscription=subscription, lane=name, kind="replay", start=b"", until=b"", places=(), by="local",
                at=NOW - timedelta(days=days), done=done,
            )  # fmt: skip

        feeds, finished, followed = lane("f1", "feed", days=40), lane("r1", days=40, done=True), lane("r2", days=40)
        recent, others = lane("r3", days=20, done=True), lane("r2", "other", days=40)
        every = (feeds, finished, followed, recent, others)
        await store.commit(*[lanes.add(T, each) for each in every], cursors.save(T, cursor("acme", "r2")))
        await store.commit(lanes.forget_ended("elsewhere", NOW))
        assert len(await store.read(lanes.load(T))) == len(every)
        await store.commit(lanes.forget_ended(T, NOW - timedelta(days=30)))
        assert await store.read(lanes.load(T)) == [followed, recent]

    async def test_a_subscription_goes_with_its_status(self, store: Store) -> None:
        row = subscriptions.StoredSubscription(id="id-1", client="acme", origin="api", spec=b"sealed", created=NOW)
        paused = subscriptions.StoredStatus("id-1", "paused", "by-operator", NOW)
        file_owned = subscriptions.StoredStatus("from-file", "active", "", NOW)
        await store.commit(
            subscriptions.save(T, row), subscriptions.set_status(T, paused), subscriptions.set_status(T, file_owned)
        )
        assert await store.read(subscriptions.load(T)) == [row]
        assert set(await store.read(subscriptions.statuses(T))) == {paused, file_owned}
        await store.commit(subscriptions.remove(T, "id-1"))
        assert await store.read(subscriptions.load(T)) == []
        assert await store.read(subscriptions.statuses(T)) == [file_owned]

    async def test_the_audit_is_read_in_the_order_of_what_happened(self, store: Store) -> None:
        for action in ("subscription.added", "subscription.paused"):
            await store.commit(audit.add(T, NOW, actor="acme", action=action, target="id-1"))
        first, second = await store.read(audit.page(T))
        assert (first.at, first.actor, first.action, first.target) == (NOW, "acme", "subscription.added", "id-1")
        assert await store.read(audit.page(T, after=first.n)) == [second]


def _number() -> dict[str, object]:
    return {"tenant": T, "name": "n", "last": 1}


def whole(rows: int) -> disclosures.Verified:
    return disclosures.Verified(rows=rows, broken_at=None, complete=True)


async def walked(store: Store, step: int | None) -> tuple[int, int | None]:
    """Rows that fit together, and where the chain breaks: walked at once (None), or `step` rows at a time."""
    found = await store.read(disclosures.verify(T, limit=step))
    while not found.complete:
        found = await store.read(disclosures.verify(T, after=found.rows, limit=step))
    return found.rows, found.broken_at
