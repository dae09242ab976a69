"""`POST /oauth/token`: client credentials for a short-lived token (RFC 6749, 4.4)."""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from hub.http.auth import Authenticator, OAuthRefused
from hub.http.guesses import address_of
from hub.http.problems import ApiProblem

MAX_FORM = 16_384  # bytes

_TEXT: Final = {"type": "string"}
ISSUED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in"],
    "properties": {
        "access_token": _TEXT,
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer", "description": "Seconds"},
        "scope": {"type": "string", "description": "The client's roles"},
    },
}
REFUSED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error", "error_description", "status"],
    "properties": {"error": _TEXT, "error_description": _TEXT, "status": {"type": "integer"}},
}

router = APIRouter(tags=["clients"])


@router.post(
    "/oauth/token",
    summary="Get an access token",
    response_class=JSONResponse,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["grant_type"],
                        "properties": {
                            "grant_type": {"const": "client_credentials"},
                            "client_id": {"type": "string"},
                            "client_secret": {"type": "string", "description": "The client's token"},
                        },
                    }
                }
            },
        },
        "responses": {
            "200": {"description": "An access token", "content": {"application/json": {"schema": ISSUED}}},
            **{
                status: {"description": "RFC 6749, 5.2", "content": {"application/json": {"schema": REFUSED}}}
                for status in ("400", "401")
            },
        },
    },
)
async def token(request: Request) -> Response:
    """Send the client's id and token, by HTTP Basic or in the form. The answer is a bearer token, valid for an hour."""
    auth: Authenticator = request.app.state.auth
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise ApiProblem("too-large", "The form is longer than any client id and secret.")
    answer = auth.issue(request.headers, bytes(body), address_of(request.scope))
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def refusal(error: OAuthRefused) -> Response:
    """The error answer of RFC 6749, 5.2: JSON with `error`, a description and the status."""
    headers = {"Cache-Control": "no-store"}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="skolnav"'
    return JSONResponse(
        {"error": error.error, "error_description": error.description, "status": error.status},
        error.status,
        headers=headers,
    )
