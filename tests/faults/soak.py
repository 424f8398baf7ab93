"""
Runs the fault tests of the push at full length, and writes down what each of them said.

    python -m tests.faults.soak              everything; writes docs/soak.md
    python -m tests.faults.soak -k Zombie    a part, as pytest chooses; writes nothing
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "docs" / "soak.md"
FILES = ("crashes", "redis_storms", "hostile_receivers", "noisy_neighbor")


def main() -> int:
    """
    Run them one after the other and return pytest's exit code.
    """
    chosen = sys.argv[1:]
    busy, begun = psutil.getloadavg()[0], time.monotonic()
    with tempfile.NamedTemporaryFile("r", suffix=".md") as said:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:randomly"),
                *(str(HERE / f"test_{name}.py") for name in FILES),
                *chosen,
            ],
            env={**os.environ, "SOAK": said.name},
            check=False,
        )
        lines = said.read()
    took_s = time.monotonic() - begun
    text = f"""\
# The faults of the push, at full length

Written by `make soak` on {datetime.now(UTC):%Y-%m-%d}: pytest ended with {done.returncode} after {took_s:.0f} s.
Machine: {psutil.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; load when it began:
{busy:.1f}, and above 1 something else was at work too. Each test has a broken variant beside it on which it fails.

| test | what happened |
|---|---|
{lines}"""
    if not chosen:
        RESULTS.write_text(text, encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
