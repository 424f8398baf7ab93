"""
Who may do what: one table. Nothing else in the service decides it.
"""

from enum import StrEnum


class AgencyKind(StrEnum):
    """
    What an organization does with seized samples.
    """

    SUBMITTING = "submitting"
    LABORATORY = "laboratory"
    PROSECUTION = "prosecution"
    PARTNER = "partner"


class ClientKind(StrEnum):
    """
    Whether a key belongs to a person, who may sign, or to a program, which may not.
    """

    PERSON = "person"
    SYSTEM = "system"


class Role(StrEnum):
    """
    What a client is to its agency.
    """

    AGENT = "agent"
    INVESTIGATOR = "investigator"
    TECHNICIAN = "technician"
    REVIEWER = "reviewer"
    SUPERVISOR = "supervisor"
    PARTNER = "partner"
    OPERATOR = "operator"
    MONITOR = "monitor"
    """A program that watches over the service's figures and nothing else."""


class Scope(StrEnum):
    """
    One thing a caller may do.
    """

    SUBMIT = "submit"
    SHARE = "share"
    """Give other agencies a part in one's own file, correct it."""
    FOLLOW = "follow"
    """Read own submissions, samples, reports, place in line, and the event feed."""
    ACKNOWLEDGE = "acknowledge"
    """Say, as a named person, that a correction was read and acted upon."""
    EVIDENCE = "evidence"
    """Add what has become known of a sample."""
    WEBHOOKS = "webhooks"
    QUEUE = "queue"
    """See the bench's ranked queue."""
    BENCH = "bench"
    """Receive, claim, record analyses."""
    RELEASE = "release"
    """Release a presumptive finding, with an authorization for its method."""
    REVIEW = "review"
    CUSTODY = "custody"
    """Hold items: hand over, accept, store, dispose."""
    STORE = "store"
    """Put items into the laboratory's storage, take them out, propose their disposal."""
    HOLD = "hold"
    """Lay and lift legal holds of one's own agency."""
    ATTACH = "attach"
    """Attach files to a sample."""
    HALT = "halt"
    """Put a sample on hold, let it go on, close it after its screen."""
    RUSH = "rush"
    """Ask for a sample to be taken before its turn."""
    ORDER = "order"
    """Decide about the order: rush requests, policies, benches."""
    OVERSEE = "oversee"
    """Put back somebody else's claim, stop work, reopen what has ended."""
    EQUIP = "equip"
    """Keep the laboratory's techniques, methods and storage places."""
    ADMINISTER = "administer"
    """Agencies, clients, keys."""
    AUDIT = "audit"
    """Read the ledger."""
    OBSERVE = "observe"
    """Read the service's figures, which count across tenants and name none."""


MAY: dict[Role, frozenset[Scope]] = {
    Role.AGENT: frozenset(
        {
            Scope.ATTACH,
            Scope.SUBMIT,
            Scope.SHARE,
            Scope.FOLLOW,
            Scope.EVIDENCE,
            Scope.CUSTODY,
            Scope.HOLD,
            Scope.RUSH,
            Scope.ACKNOWLEDGE,
            Scope.WEBHOOKS,
        }
    ),
    Role.INVESTIGATOR: frozenset({Scope.HOLD, Scope.FOLLOW, Scope.ACKNOWLEDGE}),
    Role.TECHNICIAN: frozenset(
        {
            Scope.ATTACH,
            Scope.FOLLOW,
            Scope.EVIDENCE,
            Scope.STORE,
            Scope.CUSTODY,
            Scope.QUEUE,
            Scope.BENCH,
            Scope.RELEASE,
            Scope.HALT,
        }
    ),
    Role.REVIEWER: frozenset({Scope.ATTACH, Scope.FOLLOW, Scope.QUEUE, Scope.REVIEW, Scope.HALT}),
    Role.SUPERVISOR: frozenset(
        {
            Scope.FOLLOW,
            Scope.EVIDENCE,
            Scope.STORE,
            Scope.CUSTODY,
            Scope.HOLD,
            Scope.QUEUE,
            Scope.HALT,
            Scope.OVERSEE,
            Scope.ORDER,
            Scope.EQUIP,
        }
    ),
    Role.PARTNER: frozenset(),
    Role.OPERATOR: frozenset({Scope.ADMINISTER, Scope.AUDIT, Scope.OBSERVE}),
    Role.MONITOR: frozenset({Scope.OBSERVE}),
}
"""A partner only receives warnings, which arrive with ``watch``; until then its key opens nothing."""

ROLES_OF: dict[AgencyKind, frozenset[Role]] = {
    AgencyKind.SUBMITTING: frozenset({Role.AGENT, Role.INVESTIGATOR}),
    AgencyKind.PROSECUTION: frozenset({Role.INVESTIGATOR}),
    AgencyKind.LABORATORY: frozenset(
        {Role.TECHNICIAN, Role.REVIEWER, Role.SUPERVISOR, Role.OPERATOR, Role.MONITOR}
    ),
    AgencyKind.PARTNER: frozenset({Role.PARTNER}),
}

SIGNING_ROLES = frozenset({Role.TECHNICIAN, Role.REVIEWER, Role.SUPERVISOR})
"""Roles whose acts carry a person's name: a program cannot hold them."""


def scopes(roles: frozenset[Role]) -> frozenset[Scope]:
    """
    Return everything these roles may do together.
    """
    return frozenset().union(*(MAY[role] for role in roles))


def misfits(kind: AgencyKind, roles: frozenset[Role]) -> frozenset[Role]:
    """
    Return the roles that an agency of this kind cannot give.
    """
    return roles - ROLES_OF[kind]
