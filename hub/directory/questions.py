"""What connectors ask about a school: who is enrolled where, in which groups, with which diet, and is that all?"""

from collections.abc import Collection
from datetime import date, datetime

from hub.directory.directory import Directory
from hub.directory.records import within


def pupils(directory: Directory, organisations: Collection[str], groups: Collection[str], on: date) -> list[str]:
    """Ids of pupils enrolled on a date at one of `organisations` or their parts (none given: anywhere), and members
    that day of one of `groups` where given. Only known persons with personStatus Aktiv; sorted.
    """
    day = on.isoformat()
    parts = directory.with_parts(frozenset(each.lower() for each in organisations)) if organisations else None
    candidates = (
        set(directory.persons)
        if parts is None
        else {person for organisation in parts for person in directory.enrolled(organisation)}
    )
    if groups:
        members = set()
        for id in groups:
            group = directory.groups.get(id.lower())
            if group is not None:
                members |= {each.person for each in group.members if within(each.start, each.end, day)}
        candidates &= members
    found = []
    for id in candidates:
        person = directory.persons[id]
        if (
            person.known
            and person.owner.active
            and any(
                each.active(day) and (parts is None or each.organisation in parts) for each in person.owner.enrolments
            )
        ):
            found.append(id)
    return sorted(found)


def groups_of(directory: Directory, person: str, on: date) -> list[str]:
    """Ids of the groups that a person is a member of on a date."""
    day = on.isoformat()
    return sorted(
        id
        for id in directory.groups_of(person)
        if any(each.person == person and within(each.start, each.end, day) for each in directory.groups[id].members)
    )


def diet_of(directory: Directory, person: str, on: date) -> list[str]:
    """The person's diet codes on a date, of all their diet records; sorted, each once."""
    day = on.isoformat()
    diets = (directory.diets[id] for id in directory.diets_of(person))
    return sorted({code for diet in diets if within(diet.start, diet.end, day) for code in diet.codes})


def complete(directory: Directory, organisations: Collection[str], on: date, now: datetime) -> bool:
    """Whether everyone there is known and their sources' word is fresh at `now` (machine time).

    Not so where an organisation is unknown, where a group of theirs has a member that day whom nobody has told of, or
    where the source of a pupil, or one of diets that says `directory.current` at all, has not said so lately.
    """
    wanted = frozenset(each.lower() for each in organisations)
    if not wanted <= directory.organisations.keys():
        return False
    day = on.isoformat()
    parts = directory.with_parts(wanted) if wanted else None
    there = pupils(directory, wanted, (), on)
    for group in directory.groups.values():
        if (parts is not None and group.organisation not in parts) or not within(group.start, group.end, day):
            continue
        for each in group.members:
            if each.person not in directory.persons and within(each.start, each.end, day):
                return False
    sources = {directory.persons[person].owner.source for person in there}
    says_current = directory.current_sources()
    sources |= {diet.source for diet in directory.diets.values() if diet.source in says_current}
    return bool(sources) and all(directory.fresh(source, now) for source in sources)
