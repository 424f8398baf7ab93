"""
A small OpenID Connect provider on a port of this machine, as an organization's own would be.
"""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey


class Provider:
    """
    Knows one client; ``grant`` is what a person's consent does, ``twist`` what a dishonest provider would change.
    """

    def __init__(self) -> None:
        """
        Make its key.
        """
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.signing = self.key
        self.issuer = ""
        self.twist: dict[str, Any] = {}
        self._grants: dict[str, dict[str, str]] = {}

    def grant(self, address: str, subject: str) -> dict[str, str]:
        """
        Consent to what the browser was sent here for; return what it brings back.
        """
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self._grants)}"
        self._grants[code] = {**asked, "subject": subject}
        return {"code": code, "state": asked["state"]}

    def answer(self, path: str, body: str) -> tuple[int, Any]:
        """
        Answer one request.
        """
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        if path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        return self._token({name: values[0] for name, values in parse_qs(body).items()})

    def _token(self, given: dict[str, str]) -> tuple[int, Any]:
        asked = self._grants.pop(given.get("code", ""), None)
        made = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(made).decode().rstrip("=")
        if asked is None or challenge != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": asked["subject"],
            "aud": asked["client_id"],
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.twist,
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signing)
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": token}


@asynccontextmanager
async def serving() -> AsyncIterator[Provider]:
    """
    Run a provider.
    """
    provider = Provider()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [
            line.split(":")[1]
            for line in head.lower().split("\r\n")
            if line.startswith("content-length:")
        ]
        body = (await reader.readexactly(int(lengths[0]))).decode() if lengths else ""
        status, told = provider.answer(urlsplit(head.split(" ")[1]).path, body)
        data = json.dumps(told).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    provider.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield provider
