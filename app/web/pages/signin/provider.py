"""
Signing in through the organization's own provider (OpenID Connect): code flow with PKCE, state and nonce.

The provider is the one an operator configured; only a subject that an operator linked to a person gets in.
"""

import secrets as random
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import structlog
from authlib.integrations.base_client.errors import OAuthError
from fastapi import Query, Response
from fastapi.responses import RedirectResponse
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.access.signin import service as signin
from app.access.signin.service import Entered
from app.kit import secrets
from app.kit.errors import NotFound
from app.kit.http import Resources
from app.web import cookies
from app.web.pages.signin.api import Next, begun, derived
from app.web.pages.signin.oauth import AsyncOAuth2Client
from app.web.route import Anybody, pages
from app.web.visit import local

router = pages()

_BACK = "/sign-in/provider/back"
_LIVES_S = 600
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
_TIMEOUT_S = 5.0
_LEEWAY_S = 60
_log = structlog.get_logger(__name__)

Part = Annotated[str, Query(max_length=4000)]


class Untrusted(Exception):
    """
    What came back from the provider is not what was asked for.
    """


@dataclass(frozen=True, slots=True)
class Provider:
    """
    What the provider says about itself.
    """

    issuer: str
    authorize: str
    token: str
    keys: str


@router.get("/sign-in/provider", response_model=None)
async def start(visit: Anybody, next: Next = "/") -> Response:  # noqa: A002 - the query's name
    """
    Send the browser to the provider.
    """
    issuer, client = _client(visit.here)
    async with client:
        try:
            found = await _discover(client, issuer)
        except (httpx.HTTPError, Untrusted, KeyError, ValueError) as error:
            _log.warning("provider_failed", error=repr(error))
            return visit.go("/sign-in", notice="provider-failed")
        verifier, nonce = random.token_urlsafe(48), random.token_urlsafe(24)
        address, state = client.create_authorization_url(
            found.authorize, code_verifier=verifier, nonce=nonce
        )
    kept = {"state": state, "nonce": nonce, "verifier": verifier, "next": local(next)}
    answer = RedirectResponse(address, status_code=303)
    cookies.put(answer, cookies.STATE, _sealer(visit.here).dumps(kept), max_age_s=_LIVES_S)
    return answer


@router.get("/sign-in/provider/back", response_model=None)
async def back(visit: Anybody, code: Part = "", state: Part = "") -> Response:
    """
    Take the provider's answer, and begin a session for whom it vouches.
    """
    issuer, client = _client(visit.here)
    async with client:
        try:
            kept = _sealer(visit.here).loads(
                visit.request.cookies.get(cookies.STATE, ""), max_age=_LIVES_S
            )
            _check_state(kept, code=code, state=state)
            subject = await _subject(client, issuer, code=code, kept=kept)
        except (
            httpx.HTTPError, OAuthError, JoseError, BadSignature, Untrusted, KeyError, ValueError,
        ) as error:  # fmt: skip
            _log.warning("provider_failed", error=type(error).__name__)
            return _ended(visit.go("/sign-in", notice="provider-failed"))
    outcome = await signin.enter_by_provider(
        visit.here.database,
        issuer=issuer,
        subject=subject,
        agent=visit.request.headers.get("user-agent", ""),
        mark_key=derived(visit.here, secrets.Purpose.DEVICE_MARK).raw,
    )
    if isinstance(outcome, Entered):
        return _ended(begun(visit, outcome, kept["next"]))
    return _ended(visit.go("/sign-in", notice="not-linked"))


async def _discover(client: Any, issuer: str) -> Provider:
    address = issuer.rstrip("/") + "/.well-known/openid-configuration"
    told = (await client.request("GET", address, withhold_token=True)).raise_for_status().json()
    if told["issuer"] != issuer:
        raise Untrusted("issuer")
    return Provider(
        issuer, told["authorization_endpoint"], told["token_endpoint"], told["jwks_uri"]
    )


async def _subject(client: Any, issuer: str, *, code: str, kept: dict[str, Any]) -> str:
    found = await _discover(client, issuer)
    given = await client.fetch_token(
        found.token, grant_type="authorization_code", code=code, code_verifier=kept["verifier"]
    )
    keys = (await client.request("GET", found.keys, withhold_token=True)).raise_for_status().json()
    token = jwt.decode(given["id_token"], KeySet.import_key_set(keys), algorithms=_ALGORITHMS)
    jwt.JWTClaimsRegistry(
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client.client_id},
        exp={"essential": True},
        nonce={"essential": True, "value": kept["nonce"]},
        sub={"essential": True},
    ).validate(token.claims)
    return str(token.claims["sub"])


def _check_state(kept: dict[str, Any], *, code: str, state: str) -> None:
    if not code or not random.compare_digest(str(kept["state"]).encode(), state.encode()):
        raise Untrusted("state")


def _client(here: Resources) -> tuple[str, Any]:
    settings = here.settings
    if settings.oidc_issuer is None or settings.oidc_client_secret is None:
        raise NotFound
    return settings.oidc_issuer, AsyncOAuth2Client(
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        scope="openid",
        redirect_uri=settings.public_url.rstrip("/") + _BACK,
        code_challenge_method="S256",
        timeout=_TIMEOUT_S,
        trust_env=False,
    )


def _sealer(here: Resources) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        derived(here, secrets.Purpose.SIGN_IN_STATE).raw, salt="sign-in-state"
    )


def _ended(answer: Response) -> Response:
    cookies.drop(answer, cookies.STATE)
    return answer
