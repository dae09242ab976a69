"""`POST /oauth/token`: client credentials for a short-lived token (RFC 6749, 4.4)."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from hub.http.auth import Authenticator, OAuthRefused
from hub.http.guesses import address_of
from hub.http.problems import ApiProblem

MAX_FORM = 16_384  # bytes

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
        }
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
