"""
One sample from its label to its report on paper and its amendment, by four different people, over the API.

``.venv/bin/python docs/walk.py`` starts a service of its own in a temporary folder, with worker, writes
``docs/walk.txt`` (what was said) and ``docs/walk-report.pdf`` (the amended report as the agency gets it), and stops.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

import httpx

HERE = Path(__file__).parent
ASSAYLINE = str(Path(sys.executable).with_name("assayline"))
PORT = 8765
PEOPLE = {
    "agent": ("Border Service", "agent"),
    "technician": ("Laboratory", "technician"),
    "first reviewer": ("Laboratory", "reviewer"),
    "second reviewer": ("Laboratory", "reviewer"),
}
SEIZURE = {
    "agency_file_number": "B-2026-0117",
    "seized_at": "2026-11-20T14:10:00-05:00",
    "country": "CA",
    "region": "CA-ON",
    "route": "mail",
    "parcel": {"declared_contents": "toys", "weight_g": 18.5},
    "samples": [
        {
            "exhibit_number": "7A",
            "description": "white powder in a heat-sealed bag",
            "suspected": ["carfentanil"],
            "form": "powder",
            "quantity_seized": {"value": 2.4, "unit": "g", "kind": "net", "uncertainty": 0.05},
            "hazards": ["powder that may become airborne"],
        }
    ],
}


class Walk:
    """
    Four people with their keys, and a page on which everything they do is written.
    """

    def __init__(self, keys: dict[str, str], page: TextIO) -> None:
        """
        Open one connection per person.
        """
        self.keys = keys
        self._page = page
        self._clients = {
            person: httpx.Client(
                base_url=f"http://127.0.0.1:{PORT}",
                headers={"Authorization": f"Bearer {key}"},
                timeout=30,
            )
            for person, key in keys.items()
        }

    def say(self, text: str) -> None:
        """
        Write a line on the page.
        """
        self._page.write(text + "\n")

    def call(
        self, person: str, method: str, path: str, body: Any = None, *, token: int | None = None
    ) -> httpx.Response:
        """
        Make one call as a person, and write down what was asked and what came back.
        """
        headers = {} if token is None else {"If-Match": f'"{token}"'}
        for _ in range(20):
            answer = self._clients[person].request(method, path, json=body, headers=headers)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        answer.raise_for_status()
        self.say(f"{person:>16}  {method} {path} -> {answer.status_code}")
        return answer

    def post(self, person: str, path: str, body: Any, *, token: int | None = None) -> Any:
        """
        Post and return the answer's JSON.
        """
        return self.call(person, "POST", path, body, token=token).json()

    def claim(self, person: str, sample_id: str, stage: str) -> dict[str, Any]:
        """
        Take the sample at a stage.
        """
        answer = self.post(person, "/v1/lab/claims", {"sample_id": sample_id, "stage": stage})
        found: dict[str, Any] = answer["claims"][0]
        if found["sample"]["folded"]:
            self.say(f"{'':>18}folded: {', '.join(found['sample']['folded'])}")
        return found

    def analyze(self, claim: dict[str, Any], technique: str) -> str:
        """
        Record one analysis as the technician.
        """
        body = {
            "technique": technique,
            "aliquot": {"dart_ms": "A", "gc_ms": "B", "ftir": "C"}[technique],
            "started_at": "2026-11-24T13:00:00Z",
            "ended_at": "2026-11-24T13:20:00Z",
            "result": "detected",
            "substances": ["fentanyl"],
            "controls_passed": True,
            "data_reference": f"{technique}, run 12",
        }
        path = f"/v1/lab/samples/{claim['sample']['id']}/analyses"
        found: str = self.post("technician", path, body, token=claim["token"])["id"]
        return found

    def conclude(self, claim: dict[str, Any], kind: str, analyses: list[str]) -> dict[str, Any]:
        """
        Conclude a stage as the technician.
        """
        body = {
            "kind": kind,
            "outcome": "detected",
            "substances": ["fentanyl"],
            "analysis_ids": analyses,
        }
        path = f"/v1/lab/samples/{claim['sample']['id']}/findings"
        found: dict[str, Any] = self.post("technician", path, body, token=claim["token"])
        self.say(f"{'':>18}{found['statement']}")
        return found

    def review(self, person: str, claim: dict[str, Any], kind: str) -> None:
        """
        Open the file, and sign a review of the record as it is there.
        """
        path = f"/v1/lab/samples/{claim['sample']['id']}"
        record = self.call(person, "GET", f"{path}/file").json()["record_sha256"]
        body = {
            "kind": kind,
            "decision": "accept",
            "record_sha256": record,
            "signature": {"proof": self.keys[person]},
        }
        self.post(person, f"{path}/reviews", body, token=claim["token"])
        self.say(f"{'':>18}{kind} review signed over record {record[:16]}…")


def walk(people: Walk) -> bytes:
    """
    Take one sample the whole way; return the amended report as PDF.
    """
    stored = people.post("agent", "/v1/submissions", SEIZURE)
    sample_id = stored["samples"][0]["id"]
    people.say(f"{'':>18}the label reads {sample_id}")
    people.post(
        "technician",
        "/v1/lab/receipts",
        {"sample_id": sample_id, "seal_number": "S-0042", "condition": "sealed, undamaged"},
    )
    screen = people.claim("technician", sample_id, "screen")
    finding = people.conclude(screen, "presumptive", [people.analyze(screen, "dart_ms")])
    preliminary = people.post(
        "technician", f"/v1/lab/findings/{finding['id']}/release", {"label_scanned": sample_id}
    )
    people.say(
        f"{'':>18}preliminary report {preliminary['number']}: {preliminary['body']['notice']}"
    )
    people.say(f"{'':>18}{preliminary['body']['reliability'][0]}")
    confirm = people.claim("technician", sample_id, "confirm")
    people.conclude(
        confirm, "identified", [people.analyze(confirm, name) for name in ("gc_ms", "ftir")]
    )
    first = people.claim("first reviewer", sample_id, "review")
    people.review("first reviewer", first, "technical")
    people.call(
        "first reviewer",
        "DELETE",
        f"/v1/lab/claims/{first['id']}?reason=for+the+administrative+review",
        token=first["token"],
    )
    second = people.claim("second reviewer", sample_id, "review")
    people.review("second reviewer", second, "administrative")
    final = people.post(
        "second reviewer",
        f"/v1/lab/samples/{sample_id}/reports",
        {"signature": {"proof": people.keys["second reviewer"]}},
        token=second["token"],
    )
    paper = people.call("agent", "GET", f"/v1/samples/{sample_id}/reports/{final['number']}.pdf")
    people.say(
        f"{'':>18}final report {final['number']}: {len(paper.content):,} bytes of PDF,"
        f" SHA-256 {hashlib.sha256(paper.content).hexdigest()[:16]}…"
    )
    amended = people.post(
        "first reviewer",
        f"/v1/lab/reports/{final['number']}/amendments",
        {
            "reason": "a remark on the packaging was left out",
            "changes": "the section Remarks",
            "remarks": "The bag was heat-sealed twice; both seams were intact.",
            "signature": {"proof": people.keys["first reviewer"]},
        },
    )
    paper = people.call("agent", "GET", f"/v1/samples/{sample_id}/reports/{amended['number']}.pdf")
    people.say(
        f"{'':>18}report {amended['number']} replaces {amended['body']['replaces']['number']}"
    )
    for report in (final, amended):
        told = people.call("agent", "GET", f"/v1/verify/{report['id']}").json()
        people.say(f"{'':>18}{told['number']}: replaced {told['replaced']}")
    packet = people.call("agent", "GET", f"/v1/samples/{sample_id}/packet.zip")
    people.say(f"{'':>18}packet of {len(packet.content):,} bytes")
    open_ = people.call("agent", "GET", "/v1/events/unacknowledged").json()["items"]
    people.say(f"{'':>18}to acknowledge: {', '.join(one['type'] for one in open_)}")
    return paper.content


def _admin(*arguments: str, env: dict[str, str]) -> str:
    command = [ASSAYLINE, "admin", *arguments]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _keys(env: dict[str, str]) -> dict[str, str]:
    _admin("agency", "create", "Border Service", "--kind", "submitting", env=env)
    _admin("agency", "create", "Laboratory", "--kind", "laboratory", env=env)
    keys = {}
    for person, (agency, role) in PEOPLE.items():
        _admin("client", "create", agency, person, "--role", role, env=env)
        told = json.loads(_admin("key", "create", f"{agency}/{person}", "--json", env=env))
        keys[person] = told["key"]
    _admin("authorize", "Laboratory/technician", "--technique", "dart_ms", env=env)
    return keys


def main() -> None:
    """
    Start a service, walk, stop it.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        env = os.environ | {"ASSAYLINE_DATA_DIR": f"{folder}/data", "ASSAYLINE_PORT": str(PORT)}
        log = Path(folder) / "service.log"
        with log.open("w", encoding="utf-8") as said:
            # Into a file: a pipe that nobody empties would in the end hold the service up.
            service = subprocess.Popen(
                [ASSAYLINE, "serve"], env=env, stdout=subprocess.DEVNULL, stderr=said
            )
        try:
            while "Ctrl-C" not in log.read_text(encoding="utf-8"):
                if service.poll() is not None:
                    raise SystemExit("the service did not start: " + log.read_text("utf-8"))
                time.sleep(0.2)
            with (HERE / "walk.txt").open("w", encoding="utf-8") as page:
                paper = walk(Walk(_keys(env), page))
            (HERE / "walk-report.pdf").write_bytes(paper)
        finally:
            service.terminate()
            service.wait(30)


if __name__ == "__main__":
    main()
