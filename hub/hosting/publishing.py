"""Turns what a connector publishes into an event for the outbox, and checks it before anything is kept."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel

from hub.clock import Clock
from hub.hosting.connector_errors import RefusedPublish
from plugins.connector import Connector
from plugins.errors import PrivacyError
from plugins.validation import AGGREGATE_OUTPUT, only_categories
from schemas import Catalogue, Event, InvalidEvent, Payload
from schemas.event import JSON, SPEC_VERSION


class Publisher:
    """Makes the events of one connector instance."""

    def __init__(
        self,
        source: str,
        cls: type[Connector[Any]],
        catalogue: Catalogue,
        clock: Clock,
        words: Iterable[str] = (),
    ) -> None:
        """`words`: the names that rows of sums may have (`ConnectorConfig.sum_words`); empty: any."""
        self._source = source
        self._connector = cls.name
        self._aggregates = cls.aggregates
        self._produces = {model.spec.type for model in cls.produces}
        self._catalogue = catalogue
        self._clock = clock
        self._words = frozenset(words)

    def build(
        self,
        model: type[Payload],
        data: BaseModel | Mapping[str, Any],
        time: datetime | None,
        complete: bool | None,
    ) -> Event:
        """A valid event with a random id. Raises RefusedPublish, PrivacyError, whose texts hold no value."""
        type_ = model.spec.type
        if type_ not in self._produces:
            raise RefusedPublish(
                f"{self._connector} published {type_} without declaring it", fix="Add it to `produces`", code="publish"
            )
        moment = time or self._clock.school()
        if moment.tzinfo is None:
            raise RefusedPublish(
                f"{self._connector} published {type_} with a time without zone",
                fix="Give an aware datetime",
                code="publish",
            )
        entry = self._catalogue.entry(type_)
        content = _plain(data)
        if complete is not None and "complete" in entry.fields:
            content["complete"] = complete and content.get("complete") is not False
        event = Event(
            {
                "specversion": SPEC_VERSION,
                # Random, never derived: an id made from the content would reveal the content and its person.
                "id": str(uuid.uuid4()),
                "source": self._source,
                "type": type_,
                "time": moment.isoformat(),
                "datacontenttype": JSON,
            },
            content,
        )
        return self._fits(event, own=True)

    def checked(self, body: bytes) -> bytes:
        """An event that `build` made in the connector's process, checked again here. Raises as `build`."""
        try:
            event = Event.from_dict(orjson.loads(body))
        except (ValueError, InvalidEvent):
            raise RefusedPublish(f"{self._connector} published what is no event", code="publish") from None
        if event.source != self._source or event.type not in self._produces or event.time is None:
            raise RefusedPublish(f"{self._connector} published what is not its own", code="publish")
        return self._fits(event).to_json()

    def _fits(self, event: Event, *, own: bool = False) -> Event:
        """`own`: in the connector's call, which may run the functions of its types."""
        type_ = event.type
        entry = self._catalogue.entry(type_)
        try:
            described = self._catalogue.describe(event, own=own)
        except InvalidEvent as error:
            raise RefusedPublish(
                f"{self._connector} published data that is no {type_}",
                why="; ".join(f"{problem.where}: {problem.says}" for problem in error.problems),
                code="publish",
            ) from None
        if self._aggregates:
            beyond = sorted(set(only_categories(event.data, entry.fields, AGGREGATE_OUTPUT)))
            if beyond or described.about:
                raise PrivacyError(
                    f"{self._connector} makes sums only, and published {type_} with something else in it",
                    why=f"not of category aggregate: {', '.join(beyond) or 'the person that it is about'}",
                    fix="Leave it out, or declare the field in the type with category aggregate or none",
                )
        declared = entry.spec.aggregate
        if declared is not None and self._words:
            others = declared.counted(event.data).keys() - self._words - {declared.rest, declared.whole}
            if others:
                raise PrivacyError(
                    f"{self._connector} published {type_} with a row whose name is in no list of its settings",
                    why=f"{declared.rows}: {len(others)} of the rows' names are not listed",
                    fix=f"Count them as {declared.rest}, or list them in the settings (ConnectorConfig.sum_words)",
                )
        return described.event


def _plain(data: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dict(data)
