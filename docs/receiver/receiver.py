# Receives Assayline's events: verifies, drops doubles, never turns a sample back. Standard library only.
# Run:  ASSAYLINE_WEBHOOK_SECRET=whsec_… python receiver.py 9000   (behind your own https)
import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

KEY = base64.b64decode(os.environ["ASSAYLINE_WEBHOOK_SECRET"].removeprefix("whsec_"))
DB = sqlite3.connect(os.environ.get("RECEIVER_DB", "received.db"), isolation_level=None)
DB.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, body BLOB)")
DB.execute("CREATE TABLE IF NOT EXISTS latest (sample TEXT PRIMARY KEY, sequence INT, type TEXT)")


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        id_, stamp = self.headers["webhook-id"] or "", self.headers["webhook-timestamp"] or "0"
        digest = hmac.new(KEY, f"{id_}.{stamp}.".encode() + body, hashlib.sha256).digest()
        wanted = "v1," + base64.b64encode(digest).decode()
        given = (self.headers["webhook-signature"] or "").split(" ")
        fresh = stamp.isdigit() and abs(time.time() - int(stamp)) <= 300
        if not fresh or not any(hmac.compare_digest(wanted, one) for one in given):
            return self.answer(401)
        event = json.loads(body)
        if event["type"] == "webhook.challenge":  # said back, it proves that this address is yours
            return self.answer(200, event["data"]["challenge"].encode())
        new = DB.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (id_, body)).rowcount
        if new and event["data"].get("sample_id"):  # an older sequence changes nothing
            DB.execute(
                "INSERT INTO latest VALUES (?, ?, ?) ON CONFLICT (sample) DO UPDATE SET sequence ="
                " excluded.sequence, type = excluded.type WHERE excluded.sequence >= latest.sequence",
                (event["data"]["sample_id"], event["data"]["sequence"], event["type"]),
            )
        self.answer(204)

    def answer(self, status, body=b""):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
