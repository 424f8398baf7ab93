"""
`assayline admin`: who may call, created, listed and revoked.
"""

import json
import time
from uuid import uuid4

import httpx

from app import supervise
from tests.cli.conftest import Assayline


def name() -> str:
    """
    A name nobody has.
    """
    return f"Office {uuid4().hex[:8]}"


class TestCreate:
    """
    Agencies, clients and keys come into being, and say so in a form scripts can use.
    """

    def test_to_a_working_key(self, assayline: Assayline, service: supervise.Service) -> None:
        """
        Three commands lead from nothing to a key that works at once.
        """
        office = name()

        agency = assayline(
            "admin", "agency", "create", office, "--kind", "submitting", "--country", "CA"
        )
        desk = assayline("admin", "client", "create", office, "Desk", "--role", "agent", "--system")
        key = assayline("admin", "key", "create", f"{office}/Desk")

        assert (agency.returncode, desk.returncode, key.returncode) == (0, 0, 0), key.stderr
        assert agency.stdout.startswith("agn_")
        assert desk.stdout.startswith("cli_")
        answer = httpx.get(
            f"{service.url}/v1/samples/none",
            headers={"Authorization": f"Bearer {key.stdout.strip()}"},
            trust_env=False,
        )
        assert answer.status_code == 404
        assert "cannot be shown again" in key.stderr

    def test_by_id(self, assayline: Assayline) -> None:
        """
        An id does wherever a name does.
        """
        agency = json.loads(
            assayline("admin", "agency", "create", name(), "--kind", "submitting", "--json").stdout
        )["id"]
        client = assayline(
            "admin", "client", "create", agency, "Desk", "--role", "agent"
        ).stdout.strip()

        key = json.loads(
            assayline("admin", "key", "create", client, "--expires", "90d", "--json").stdout
        )

        assert key["client_id"] == client
        assert key["key"].startswith("asl_live_")
        assert key["expires_at"] is not None

    def test_refusals(self, assayline: Assayline) -> None:
        """
        What cannot be is said in a sentence with its remedy, and ends with 1.
        """
        office = name()
        assayline("admin", "agency", "create", office, "--kind", "submitting")
        assayline("admin", "client", "create", office, "Desk", "--role", "agent")
        refused = {
            ("admin", "agency", "create", office, "--kind", "laboratory"): "already",
            ("admin", "client", "create", office, "Desk", "--role", "agent"): "already has",
            ("admin", "client", "create", office, "Bench", "--role", "technician"): "roles",
            ("admin", "client", "create", "Nowhere at all", "X", "--role", "agent"): "no agency",
            ("admin", "key", "create", "Nobody at all"): "no client",
            ("admin", "authorize", f"{office}/Desk", "--technique", "dart_ms"): "technician",
            ("admin", "key", "revoke", "unknown"): "no such live key",
        }

        for arguments, said in refused.items():
            done = assayline(*arguments)
            assert (done.returncode, done.stdout) == (1, ""), done.stderr
            assert said in done.stderr
            assert "Traceback" not in done.stderr

    def test_wrong_arguments(self, assayline: Assayline) -> None:
        """
        An argument that makes no sense ends with 2.
        """
        wrong = (
            ("admin", "agency", "create", name(), "--kind", "bakery"),
            ("admin", "agency", "create", name(), "--kind", "partner", "--country", "Canada"),
            ("admin", "key", "create", "anybody", "--expires", "someday"),
            ("admin", "nonsense"),
        )

        for arguments in wrong[:2] + wrong[3:]:
            assert assayline(*arguments).returncode == 2

    def test_letterhead_and_designation(self, assayline: Assayline) -> None:
        """
        What a laboratory's reports print of it, and who may certify: only somebody who makes analyses.
        """
        laboratory = name()
        assayline("admin", "agency", "create", laboratory, "--kind", "laboratory")
        for role in ("technician", "reviewer"):
            assayline("admin", "client", "create", laboratory, role, "--role", role)
        numbered = ("--statute", "CDSA", "--number", "A-17")

        head = assayline("admin", "agency", "letterhead", laboratory, "--address", "1 Bench Road")
        nothing = assayline("admin", "agency", "letterhead", laboratory)
        analyst = assayline("admin", "client", "designate", f"{laboratory}/technician", *numbered)
        other = assayline("admin", "client", "designate", f"{laboratory}/reviewer", *numbered)

        assert (head.returncode, analyst.returncode) == (0, 0), head.stderr + analyst.stderr
        assert nothing.returncode != 0
        assert other.returncode != 0

    def test_authorize_twice(self, assayline: Assayline) -> None:
        """
        An authorization given again is no error.
        """
        laboratory = name()
        assayline("admin", "agency", "create", laboratory, "--kind", "laboratory")
        assayline("admin", "client", "create", laboratory, "Bench", "--role", "technician")
        arguments = ("admin", "authorize", f"{laboratory}/Bench", "--technique", "dart_ms")

        assert [assayline(*arguments).returncode for _ in range(2)] == [0, 0]


class TestList:
    """
    What there is, for people and for programs.
    """

    def test_tab_separated(self, assayline: Assayline) -> None:
        """
        Without a terminal: a line of names, then one line each.
        """
        office = name()
        created = assayline("admin", "agency", "create", office, "--kind", "partner").stdout.strip()

        names, *lines = assayline("admin", "agency", "list").stdout.splitlines()

        assert names.split("\t")[:3] == ["id", "name", "kind"]
        assert [created, office, "partner"] in [line.split("\t")[:3] for line in lines]

    def test_never_a_secret(self, assayline: Assayline) -> None:
        """
        Neither a key nor its hash is listed.
        """
        office = name()
        assayline("admin", "agency", "create", office, "--kind", "submitting")
        assayline("admin", "client", "create", office, "Desk", "--role", "agent")
        key = assayline("admin", "key", "create", f"{office}/Desk").stdout.strip()

        plain = assayline("admin", "key", "list").stdout
        as_json = assayline("admin", "key", "list", "--json").stdout

        key_id, secret = key.split("_")[2:]
        for said in (plain, as_json):
            assert key_id in said
            assert secret not in said
            assert "sha256" not in said


class TestRevoke:
    """
    A key that is revoked is refused within a second (E10).
    """

    def test_key_and_client(self, assayline: Assayline, service: supervise.Service) -> None:
        """
        One key alone, or all of a client; a leaked key may be given whole.
        """
        office = name()
        assayline("admin", "agency", "create", office, "--kind", "submitting")
        assayline("admin", "client", "create", office, "Desk", "--role", "agent")
        first, second, third = (
            assayline("admin", "key", "create", f"{office}/Desk").stdout.strip() for _ in range(3)
        )

        def works(key: str) -> bool:
            headers = {"Authorization": f"Bearer {key}"}
            answer = httpx.get(f"{service.url}/v1/samples/none", headers=headers, trust_env=False)
            return answer.status_code == 404

        assert works(first)
        assert works(second)
        assert assayline("admin", "key", "revoke", first).returncode == 0
        time.sleep(1)
        assert not works(first)
        assert works(second)
        assert assayline("admin", "client", "revoke", f"{office}/Desk").returncode == 0
        time.sleep(1)
        assert not works(second)
        assert not works(third)
        assert assayline("admin", "key", "create", f"{office}/Desk").returncode == 1
