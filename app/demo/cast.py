"""
Who takes part: two real agencies, one simulated laboratory, and clients that are called what they are.
"""

from dataclasses import dataclass, field

from app.access import service as access
from app.access.rules import AgencyKind, ClientKind, Role
from app.kit.db import OPERATOR, Database

LABORATORY = "Simulated laboratory"
TECHNICIANS = 3
TECHNIQUES = ("dart_ms", "gc_ms", "ftir")

AGENT = "Agent's program (replay)"
INVESTIGATOR = "Investigator (simulated)"
REVIEWER = "Reviewer (simulated)"


def technician(number: int) -> str:
    """
    Name a technician.
    """
    return f"Technician {number % TECHNICIANS + 1} (simulated)"


@dataclass(frozen=True, slots=True)
class Cast:
    """
    The keys of everybody, by agency and name.
    """

    keys: dict[tuple[str, str], str] = field(repr=False)

    def key(self, agency: str, name: str) -> str:
        """
        Return one client's key.
        """
        return self.keys[agency, name]


async def assemble(database: Database, agencies: list[str]) -> Cast:
    """
    Create everybody, as ``assayline admin`` would.
    """
    person, system = ClientKind.PERSON, ClientKind.SYSTEM
    wanted = [
        *((agency, AGENT, system, Role.AGENT) for agency in agencies),
        *((agency, INVESTIGATOR, person, Role.INVESTIGATOR) for agency in agencies),
        *((LABORATORY, technician(n), person, Role.TECHNICIAN) for n in range(TECHNICIANS)),
        (LABORATORY, REVIEWER, person, Role.REVIEWER),
    ]
    keys: dict[tuple[str, str], str] = {}
    async with database.transaction(OPERATOR) as session:
        made = {
            name: await access.create_agency(session, name=name, kind=kind, country="US")
            for name, kind in (
                *((agency, AgencyKind.SUBMITTING) for agency in agencies),
                (LABORATORY, AgencyKind.LABORATORY),
            )
        }
        for agency, name, kind, role in wanted:
            client_id = await access.create_client(
                session, agency_id=made[agency], name=name, kind=kind, roles=[role]
            )
            keys[agency, name] = await access.create_key(session, client_id=client_id)
            if role is Role.TECHNICIAN:
                for technique in TECHNIQUES:
                    await access.authorize(session, client_id=client_id, technique=technique)
    return Cast(keys)
