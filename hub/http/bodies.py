"""What the body of a request may be, whatever the route."""

from collections.abc import Iterable

from hub.http.problems import ApiProblem


def require_no_coding(fields: Iterable[tuple[bytes, bytes]]) -> None:
    """Raises ApiProblem (415) if a body is compressed. `fields` are a request's, with names in lower case."""
    for name, value in fields:
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise ApiProblem(
                "media-type",
                "A body is accepted as it is: leave `Content-Encoding` out, and send it uncompressed.",
                headers={"Accept-Encoding": "identity"},
            )
