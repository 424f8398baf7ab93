"""
Signing in, out and again: sessions, throttling, one-time codes, invitations (E16).
"""

import importlib.util
from datetime import timedelta

import pyotp
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text

from app.access import keys
from app.access import service as access
from app.access.service import Caller
from app.access.signin import rules
from app.access.signin import service as signin
from app.kit.db import KEY_LOOKUP, OPERATOR, SIGN_IN
from app.kit.errors import Invalid
from app.web import cookies, crossing
from app.web.router import ROUTERS
from tests.builders import World
from tests.web.people import BASE, PASSWORD, TOKEN, browser, give_password, login_of, signed_in


async def caller_of(world: World, person: str) -> Caller:
    """
    Return a person of this world as services know them.
    """
    presented = keys.read(world.keys[person])
    assert presented
    async with world.database.reading(KEY_LOOKUP) as session:
        found = await access.identify(session, presented)
    assert found
    return found


class TestEnter:
    """
    Who is let in, and what a wrong guess learns.
    """

    async def test_cookie_and_caller(self, world: World) -> None:
        """
        Signing in gives a new session in a cookie bound to this host, over TLS, and out of reach of scripts.
        """
        login = await give_password(world, "investigator")
        fresh = browser(world.app)
        answer = await fresh.sign_in(login.upper())

        kept = [line for line in answer.headers.get_list("set-cookie") if cookies.SESSION in line]
        page = await fresh.get("/desk")

        assert answer.status_code == 303
        assert len(kept) == 1
        assert all(word in kept[0] for word in ("__Host-", "Secure", "HttpOnly", "SameSite=lax"))
        assert "Domain" not in kept[0]
        assert page.status_code == 200

    async def test_new_token_each_time(self, world: World) -> None:
        """
        A token put into the browser before signing in is not the session afterwards: none can be fixed in advance.
        """
        login = await give_password(world, "investigator")
        fresh = browser(world.app)
        fresh.http.cookies.set(cookies.SESSION, "chosen-by-somebody-else", domain="assayline.test")

        answer = await fresh.sign_in(login)

        assert answer.status_code == 303
        assert "chosen-by-somebody-else" not in str(answer.headers)
        assert fresh.http.cookies.get(cookies.SESSION) != "chosen-by-somebody-else"

    async def test_wrong_and_unknown_alike(self, world: World) -> None:
        """
        A wrong password and an unknown name answer alike, and neither begins a session.
        """
        login = await give_password(world, "investigator")
        wrong = await browser(world.app, address="192.0.2.21").sign_in(login, "not the password")
        unknown = await browser(world.app, address="192.0.2.22").sign_in(
            "nobody-here", "not the password"
        )

        assert wrong.status_code == unknown.status_code == 422
        plain = TOKEN.sub("", wrong.text).replace(login, "NAME")
        assert plain == TOKEN.sub("", unknown.text).replace("nobody-here", "NAME")
        assert cookies.SESSION not in str(wrong.headers)

    async def test_revoked(self, world: World) -> None:
        """
        A revoked person is out at once, and does not come back in.
        """
        inside = await signed_in(world, "investigator")
        async with world.database.transaction(OPERATOR) as session:
            await access.revoke_client(session, client_id=world.clients["investigator"])

        page = await inside.get("/desk")
        again = browser(world.app)
        await again.sign_in(login_of(world, "investigator"))

        assert page.headers["location"].startswith("/sign-in")
        assert (await again.get("/desk")).headers["location"].startswith("/sign-in")

    @pytest.mark.parametrize(
        "target", ["//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:1"]
    )
    async def test_leads_nowhere_else(self, world: World, target: str) -> None:
        """
        The page one is sent to afterwards is always one of ours.
        """
        login = await give_password(world, "investigator")
        answer = await browser(world.app).sign_in(login, next=target)

        assert answer.headers["location"] == "/"


class TestThrottle:
    """
    Guessing is slowed where it comes from; nobody is locked out by somebody else.
    """

    async def test_guesses_end(self, world: World) -> None:
        """
        After five wrong guesses from one place the sixth is not even looked at, though it is right.
        """
        login = await give_password(world, "investigator")
        guesser = browser(world.app, address="198.51.100.1")
        for _ in range(5):
            assert (await guesser.sign_in(login, "wrong guess again")).status_code == 422

        assert (await guesser.sign_in(login)).status_code == 429

    async def test_others_get_in(self, world: World) -> None:
        """
        Meanwhile the person signs in from elsewhere, and from the same address in a browser known to the account.
        """
        login = await give_password(world, "investigator")
        known = browser(world.app, address="198.51.100.2")
        assert (await known.sign_in(login)).status_code == 303
        await known.send("/sign-out", shown_at="/desk")
        guesser = browser(world.app, address="198.51.100.2")
        for _ in range(6):
            await guesser.sign_in(login, "wrong guess again")

        assert (await guesser.sign_in(login, "wrong guess again")).status_code == 429
        assert (await known.sign_in(login)).status_code == 303
        assert (await browser(world.app, address="198.51.100.3").sign_in(login)).status_code == 303

    async def test_many_accounts_from_one_place(self, world: World) -> None:
        """
        One guess at each of many accounts is noticed too.
        """
        async with world.database.transaction(SIGN_IN) as session:
            spread = rules.buckets(login_name="x", address="198.51.100.4", device=None)[1]
            await session.execute(
                text("INSERT INTO sign_in_count VALUES (:key, now(), :limit)"),
                {"key": spread.key, "limit": spread.limit},
            )

        answer = await browser(world.app, address="198.51.100.4").sign_in("another-name", "a guess")

        assert answer.status_code == 429

    async def test_without_counting(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Negative control: with counters that allow everything, the right guess after many wrong ones gets in.
        """
        login = await give_password(world, "investigator")
        guesser = browser(world.app, address="198.51.100.5")
        monkeypatch.setattr(rules, "buckets", lambda **_: ())
        for _ in range(6):
            await guesser.sign_in(login, "wrong guess again")

        assert (await guesser.sign_in(login)).status_code == 303


class TestSessions:
    """
    Sessions end: by signing out, by the list, by idleness, after a shift.
    """

    async def test_sign_out_kills(self, world: World) -> None:
        """
        After signing out the old token opens nothing, even when somebody kept it.
        """
        inside = await signed_in(world, "investigator")
        token = inside.http.cookies[cookies.SESSION]
        await inside.send("/sign-out", shown_at="/desk")
        thief = browser(world.app)
        thief.http.cookies.set(cookies.SESSION, token, domain="assayline.test")

        assert (await thief.get("/desk")).headers["location"].startswith("/sign-in")

    async def test_list_and_end(self, world: World) -> None:
        """
        A person sees the open sessions and ends another one; nobody else's.
        """
        login = await give_password(world, "investigator")
        here, there = browser(world.app), browser(world.app)
        await here.sign_in(login)
        await there.sign_in(login)
        page = (await here.get("/account")).text

        ended = await here.send("/account/sessions/end-others", shown_at="/account")

        assert page.count("Test browser") == 2
        assert ended.status_code == 303
        assert (await there.get("/desk")).status_code == 303
        assert (await here.get("/desk")).status_code == 200

    @pytest.mark.parametrize(
        ("column", "age"), [("seen_at", timedelta(hours=1)), ("expires_at", timedelta(seconds=1))]
    )
    async def test_times_out(self, world: World, column: str, age: timedelta) -> None:
        """
        An idle session, and one that has lasted a shift, is over.
        """
        inside = await signed_in(world, "investigator")
        async with world.database.transaction(SIGN_IN) as session:
            await session.execute(
                text(
                    f"UPDATE staff_session SET {column} = now() - CAST(:age AS interval) WHERE client_id = :client"
                ),
                {"age": age, "client": world.clients["investigator"]},
            )

        assert (await inside.get("/desk")).headers["location"].startswith("/sign-in")

    async def test_password_change_ends_the_others(self, world: World) -> None:
        """
        Whoever changes the password throws every other session out.
        """
        login = await give_password(world, "investigator")
        here, there = browser(world.app), browser(world.app)
        await here.sign_in(login)
        await there.sign_in(login)
        new = "another four plain words"

        answer = await here.send(
            "/account/password",
            {"present": PASSWORD, "password": new, "again": new},
            shown_at="/account",
        )

        assert answer.status_code == 303, answer.text
        assert (await there.get("/desk")).status_code == 303
        assert (await browser(world.app).sign_in(login, new)).status_code == 303


class TestForms:
    """
    A form that is not ours does nothing (CSRF).
    """

    async def test_without_token(self, world: World) -> None:
        """
        No form of the pages is taken without its token: every route that changes something is tried.
        """
        inside = await signed_in(world, "investigator")
        tried = [
            one
            for router in ROUTERS
            for one in router.routes
            if isinstance(one, APIRoute) and not (one.methods or set()) <= {"GET", "HEAD"}
        ]
        for one in tried:
            answer = await inside.http.post(
                one.path.replace("{", "").replace("}", ""), data={"x": "y"}
            )
            assert answer.status_code == 403, one.path

        assert len(tried) >= 9

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.test"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    async def test_from_elsewhere(self, world: World, headers: dict[str, str]) -> None:
        """
        Even with a token, a form sent from another site is refused.
        """
        inside = await signed_in(world, "investigator")
        found = TOKEN.search((await inside.get("/account")).text)
        assert found

        answer = await inside.http.post("/sign-out", data={"form_token": found[1]}, headers=headers)

        assert answer.status_code == 403
        assert (await inside.get("/desk")).status_code == 200

    async def test_of_another_session(self, world: World) -> None:
        """
        The token of one session is good in no other.
        """
        inside = await signed_in(world, "investigator")
        other = await signed_in(world, "agent")
        found = TOKEN.search((await other.get("/account")).text)
        assert found

        assert (
            await inside.http.post("/sign-out", data={"form_token": found[1]})
        ).status_code == 403

    async def test_without_the_check(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Negative control: without the check a foreign form signs the person out.
        """
        inside = await signed_in(world, "investigator")
        monkeypatch.setattr(crossing, "ours", lambda _: True)
        monkeypatch.setattr(crossing, "genuine", lambda *_: True)

        await inside.http.post(
            "/sign-out", data={"form_token": "x"}, headers={"Origin": "https://evil.test"}
        )

        assert (await inside.get("/desk")).status_code == 303


class TestHeaders:
    """
    Every page, errors included, carries the headers of E16.
    """

    async def test_all(self, world: World) -> None:
        """
        No page may run inline script, be framed, be kept or be sniffed.
        """
        inside = await signed_in(world, "investigator")
        for path in ("/sign-in", "/desk", "/desk/none", "/account", "/invite/none", "/"):
            headers = (await inside.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["referrer-policy"] == "same-origin"

    async def test_assets(self, world: World) -> None:
        """
        Style and script are kept for ever, under names that change with their content.
        """
        from app.web import assets  # noqa: PLC0415 - this test alone

        found = await browser(world.app).get(assets.url("assayline.css"))
        again = await browser(world.app).get(
            assets.url("assayline.css"), headers={"If-None-Match": found.headers["etag"]}
        )

        assert "immutable" in found.headers["cache-control"]
        assert found.headers["content-encoding"] == "gzip"
        assert again.status_code == 304
        assert (await browser(world.app).get("/static/assayline.css")).status_code == 404


class TestCodes:
    """
    One-time codes as a second factor.
    """

    async def test_on_and_used_once(self, world: World) -> None:
        """
        Once on, a password alone is not enough; a code is good once; turning off takes the password.
        """
        login = await give_password(world, "investigator")
        inside = browser(world.app)
        await inside.sign_in(login)
        shown = (await inside.send("/account/codes", shown_at="/account")).text
        secret = shown.split("<code>")[1].split("</code>")[0]
        token = TOKEN.search(shown)
        assert token
        otp = pyotp.TOTP(secret)
        confirmed = await inside.http.post(
            "/account/codes/confirm", data={"form_token": token[1], "code": otp.now()}
        )
        assert confirmed.status_code == 303, confirmed.text

        fresh = browser(world.app)
        alone = await fresh.sign_in(login)
        replayed = await fresh.sign_in(login, code=otp.now())
        async with world.database.transaction(SIGN_IN) as session:
            await session.execute(
                text("UPDATE staff_account SET totp_step = NULL WHERE login = :login"),
                {"login": login},
            )
        right = await fresh.sign_in(login, code=otp.now())

        assert (alone.status_code, replayed.status_code, right.status_code) == (422, 422, 303)
        off = await inside.send(
            "/account/codes/stop", {"stop_password": "wrong"}, shown_at="/account"
        )
        assert off.status_code == 422
        off = await inside.send(
            "/account/codes/stop", {"stop_password": PASSWORD}, shown_at="/account"
        )
        assert off.status_code == 303


class TestInvite:
    """
    The first password is chosen by the person, with a link that works once.
    """

    async def test_once(self, world: World) -> None:
        """
        The link leads to a password that signs in, and then to nothing.
        """
        login = login_of(world, "agent")
        async with world.database.transaction(OPERATOR) as session:
            token = await signin.invite(session, client_id=world.clients["agent"], login=login)
        fresh = browser(world.app)
        path = f"/invite/{token}"

        short = await fresh.send(path, {"password": "short", "again": "short"})
        taken = await fresh.send(path, {"password": PASSWORD, "again": PASSWORD})

        assert short.status_code == 422
        assert "12" in short.text
        assert taken.status_code == 303, taken.text
        assert (await fresh.get(path)).status_code == 404
        assert (await fresh.sign_in(login)).status_code == 303

    async def test_programs_have_keys(self, world: World) -> None:
        """
        The service's own keys still open the API, and no page.
        """
        answer = await world.as_("agent").get("/desk")

        assert answer.headers["location"] == "/sign-in?next=/desk"
        assert BASE


class TestProof:
    """
    The password once more, as proof of a signature.
    """

    async def test_once_and_own(self, world: World) -> None:
        """
        What is had for the password proves the signer once, and nobody else.
        """
        await give_password(world, "reviewer")
        client_id = world.clients["reviewer"]
        caller = await caller_of(world, "reviewer")
        other = await caller_of(world, "technician")

        proof = await signin.prove_to_sign(world.database, client_id=client_id, password=PASSWORD)
        async with world.database.transaction(caller.context) as session:
            assert await access.reauthenticate(session, caller, proof) == "password"
        with pytest.raises(access.NotProved):
            async with world.database.transaction(caller.context) as session:
                await access.reauthenticate(session, caller, proof)
        proof = await signin.prove_to_sign(world.database, client_id=client_id, password=PASSWORD)
        with pytest.raises(access.NotProved):
            async with world.database.transaction(other.context) as session:
                await access.reauthenticate(session, other, proof)

    async def test_guesses_are_counted(self, world: World) -> None:
        """
        After ten wrong passwords the right one proves nothing either, though every try was refused and undone.
        """
        await give_password(world, "reviewer")
        client_id = world.clients["reviewer"]
        for guess in ["a wrong guess"] * 10 + [PASSWORD]:
            with pytest.raises(Invalid):
                await signin.prove_to_sign(world.database, client_id=client_id, password=guess)


class TestHashing:
    """
    Passwords are stored so that a stolen table is of little use.
    """

    def test_effort(self) -> None:
        """
        The service hashes with Argon2id, with 64 MiB (RFC 9106, second recommendation), not as cheaply as the tests do.
        """
        fresh = importlib.util.find_spec("app.access.signin.passwords")
        assert fresh is not None
        assert fresh.loader is not None
        module = importlib.util.module_from_spec(fresh)
        fresh.loader.exec_module(module)

        stored = module._hasher.hash("four plain words")

        assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
