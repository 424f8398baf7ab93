"""
Accounts: who may have one, invitations, passwords.
"""

from typing import Any
from uuid import UUID

from pydantic import SecretStr

from app.access import repo as people
from app.access.rules import ClientKind
from app.access.signin import passwords, repo, rules, tokens
from app.access.signin.rules import Complaint
from app.kit.db import SIGN_IN, Database, Session
from app.kit.errors import Conflict, FieldError, Invalid, NotFound

_OVER = "This invitation was used, or is over. Ask for a new one."
_TAKEN = "Another person has this sign-in name."

_WORDS = {
    Complaint.SHORT: "is too short",
    Complaint.LONG: "is too long",
    Complaint.COMMON: "is easily guessed",
    Complaint.LIKE_LOGIN: "has the sign-in name in it",
}
_REMEDIES = {
    Complaint.SHORT: f"use at least {rules.SHORTEST} characters; several words are easiest",
    Complaint.LONG: f"use at most {rules.LONGEST} characters",
    Complaint.COMMON: "choose something that nobody would try first",
    Complaint.LIKE_LOGIN: "leave the sign-in name out of it",
}


def check(password: str, *, login: str) -> None:
    """
    Refuse a password that is too short or too easily guessed.

    Raises:
        Invalid: naming each complaint.

    """
    found = rules.complaints(password, login_name=login)
    if found:
        raise Invalid(errors=[FieldError("password", _WORDS[one], _REMEDIES[one]) for one in found])


async def login_of(session: Session, *, client_id: UUID) -> str | None:
    """
    Return a person's sign-in name, if there is one.
    """
    account = await repo.account_of(session, client_id)
    return account.login if account is not None else None


async def invite(session: Session, *, client_id: UUID, login: str) -> str:
    """
    Invite a person to choose a password; return the token of the link, which is good once and for a week.

    Raises:
        NotFound: when there is no such client.
        Invalid: when it is a program, or the name is empty.
        Conflict: when another person has this sign-in name.

    """
    client, name = await _person(session, client_id, login)
    token = tokens.make()
    await repo.add_invite(
        session,
        {
            "token_sha256": tokens.digest(token),
            "client_id": client_id,
            "agency_id": client.agency_id,
            "login": name,
            "created_at": session.now,
            "expires_at": session.now + rules.INVITE_LIVES,
        },
    )
    return token


async def invited(database: Database, *, token: str) -> str:
    """
    Return the sign-in name an invitation is for.

    Raises:
        NotFound: when it was used, is over, or never was.

    """
    async with database.reading(SIGN_IN) as session:
        found = await repo.invite(session, tokens.digest(token))
    if found is None:
        raise NotFound(_OVER)
    name: str = found.login
    return name


async def take_invite(database: Database, *, token: str, password: str) -> None:
    """
    Use an invitation: the person has this password from now on, and no open session from before.

    Raises:
        NotFound: when it was used, is over, or never was.
        Invalid: when the password is not accepted; the invitation stays.

    """
    login = await invited(database, token=token)
    check(password, login=login)
    hashed = await passwords.hash_of(password)
    async with database.transaction(SIGN_IN) as session:
        found = await repo.use_invite(session, tokens.digest(token))
        if found is None:
            raise NotFound(_OVER)
        other = await repo.account_named(session, found.login)
        if other is not None and other.client_id != found.client_id:
            raise Conflict(_TAKEN)
        await _store(session, found, login=found.login, hashed=hashed)


async def set_password(session: Session, *, client_id: UUID, login: str, password: str) -> None:
    """
    Give a person a sign-in name and password, as the operator; their open sessions end.

    Raises:
        NotFound: when there is no such client.
        Invalid: when it is a program, or the password is not accepted.
        Conflict: when another person has this sign-in name.

    """
    client, name = await _person(session, client_id, login)
    check(password, login=name)
    account = {"client_id": client_id, "agency_id": client.agency_id}
    await _store(session, _Of(**account), login=name, hashed=await passwords.hash_of(password))


async def link_provider(
    session: Session, *, client_id: UUID, login: str, issuer: str, subject: str
) -> None:
    """
    Let whom the provider knows by this subject sign in as this person.

    Raises:
        NotFound: when there is no such client.
        Invalid: when it is a program.
        Conflict: when another person has this sign-in name or subject.

    """
    client, name = await _person(session, client_id, login)
    other = await repo.account_at(session, issuer, subject)
    if other is not None and other.client_id != client_id:
        raise Conflict("Another person is linked to this subject.")
    await repo.put_account(
        session,
        {
            "client_id": client_id,
            "agency_id": client.agency_id,
            "login": name,
            "oidc_issuer": issuer,
            "oidc_subject": subject,
            "created_at": session.now,
        },
    )


async def prove(database: Database, *, client_id: UUID, password: str) -> str:
    """
    Ask a signed-in person for the password once more; return the account's sign-in name.

    Raises:
        NotFound: when the person has no account.
        Invalid: when the password is wrong, or was too often.

    """
    async with database.transaction(SIGN_IN) as session:
        account = await repo.account_of(session, client_id)
        bucket = rules.proof_bucket(client_id)
        count = await repo.count(session, bucket.key, since=session.now - rules.WINDOW)
    if account is None:
        raise NotFound("This person has no account.")
    if count > bucket.limit or not await passwords.matches(account.password_hash, password):
        remedy = "enter the password you signed in with"
        raise Invalid(errors=[FieldError("present", "is not the present password", remedy)])
    async with database.transaction(SIGN_IN) as session:
        await repo.forget(session, [bucket.key])
    login: str = account.login
    return login


async def prove_to_sign(database: Database, *, client_id: UUID, password: str) -> SecretStr:
    """
    Ask for the password once more, and return what ``access.service.reauthenticate`` takes as proof: good once.

    Raises:
        NotFound: when the person has no account.
        Invalid: when the password is wrong, or was too often.

    """
    await prove(database, client_id=client_id, password=password)
    token = tokens.make()
    async with database.transaction(SIGN_IN) as session:
        await repo.add_proof(
            session,
            {
                "token_sha256": tokens.digest(token),
                "client_id": client_id,
                "expires_at": session.now + rules.PROOF_LIVES,
            },
        )
    return SecretStr(token)


async def change_password(
    database: Database, *, client_id: UUID, session_id: UUID, present: str, password: str
) -> None:
    """
    Change one's own password, with the present one; all other sessions end.

    Raises:
        NotFound: when the person has no account.
        Invalid: when the present password is wrong, or the new one is not accepted.

    """
    login = await prove(database, client_id=client_id, password=present)
    check(password, login=login)
    hashed = await passwords.hash_of(password)
    async with database.transaction(SIGN_IN) as session:
        values = {"password_hash": hashed, "password_set_at": session.now}
        await repo.change_account(session, client_id, values)
        await repo.end_sessions(session, client_id, but=session_id)


class _Of:
    def __init__(self, *, client_id: UUID, agency_id: UUID) -> None:
        self.client_id = client_id
        self.agency_id = agency_id


async def _store(session: Session, account: Any, *, login: str, hashed: str) -> None:
    await repo.put_account(
        session,
        {
            "client_id": account.client_id,
            "agency_id": account.agency_id,
            "login": login,
            "password_hash": hashed,
            "password_set_at": session.now,
            "created_at": session.now,
        },
    )
    await repo.end_sessions(session, account.client_id)


async def _person(session: Session, client_id: UUID, login: str) -> tuple[Any, str]:
    client = await people.find_client(session, client_id)
    if client is None:
        raise NotFound("There is no such client.")
    if client.kind != ClientKind.PERSON:
        remedy = "programs have API keys; choose a person"
        raise Invalid(errors=[FieldError("client", "is a program", remedy)])
    name = rules.login(login)
    if not name:
        raise Invalid(errors=[FieldError("login", "is empty", "give a sign-in name")])
    other = await repo.account_named(session, name)
    if other is not None and other.client_id != client_id:
        raise Conflict(_TAKEN)
    return client, name
