"""Operations on a log in a random order, against lists and dictionaries."""

import random
from collections import defaultdict

from hub.bus.base import Log, Position
from schemas import Described
from tests.clock import HandClock
from tests.contracts.log_events import (
    amended,
    anew,
    assert_rising,
    by_key,
    everything,
    matter,
    names,
    reading,
    sequences,
)


async def random_walk(log: Log, clock: HandClock, choice: random.Random) -> None:
    """The log may hold events of earlier walks."""
    begun = log.head()
    walk = f"{choice.getrandbits(64)}-{sum(begun.offsets)}"  # no other walk's, also where Hypothesis repeats a seed
    published: list[Described] = []
    order: dict[str, list[str]] = defaultdict(list)
    state: dict[str, list[str]] = {}  # the last event, and what it rests on, newest first
    forgotten = begun

    def note(entity: str | None, key: str, id: str, *, continues: bool) -> None:
        order[key].append(id)
        if entity is not None:
            state[entity] = [id, *state.get(entity, ())] if continues else [id]

    for _ in range(choice.randrange(5, 30)):
        match choice.choice(["append", "append", "repeat", "restate", "trim", "clock", "read"]):
            case "append":
                batch = [
                    choice.choice(
                        [
                            matter(f"{walk}-{choice.randrange(4)}", note=str(choice.random())),
                            amended(f"{walk}-{choice.randrange(4)}", was="x", note=str(choice.random())),
                            reading(choice.randrange(9), sensor=f"{walk}-{choice.randrange(3)}"),
                        ]
                    )
                    for _ in range(choice.randrange(1, 8))
                ]
                assert (await log.append(batch)).duplicates == 0
                published += batch
                for each in batch:
                    data = each.event.data
                    note(each.entity, each.key, each.event.id, continues=isinstance(data, dict) and "changed" in data)
            case "repeat" if published:
                again = choice.choices(published, k=choice.randrange(1, 5))
                assert (await log.append(again)).duplicates == len(again)
            case "restate" if state:
                entities = choice.sample(sorted(state), choice.randrange(1, len(state) + 1))
                for copy in await log.restate(anew(*entities)):
                    note(copy.entity, copy.key, copy.id, continues=False)
            case "trim":
                await log.trim(clock.now)
                forgotten = log.start()
            case "clock":
                clock.move(seconds=choice.choice([-100, 0.000001, 1, 3600]))
            case _:
                pass
        position = Position(begun.epoch, tuple(map(max, begun.offsets, forgotten.offsets)))
        read = await everything(log, position, choice.randrange(1, 20))
        for key, ids in by_key(read).items():
            assert ids == order[key][-len(ids) :]
        for numbers in sequences(read).values():
            assert_rising(numbers)
        known = {each.entity: names([each, *each.earlier]) for each in await log.states(["matter"], limit=100_000)}
        for entity, ids in state.items():
            kept = known[entity]
            assert kept == ids or (len(kept) > 8 and kept[:-1] == ids[: len(kept) - 1] and kept[-1] == ids[-1])
