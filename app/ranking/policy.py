"""
The policy in force, and those that were: versioned data files, validated on load. The only reader of files in ranking.
"""

import tomllib
from functools import cache
from importlib.resources import files

from app.ranking.build import build
from app.ranking.model import Policy, PolicyError

__all__ = ["Policy", "PolicyError", "current", "load"]

CURRENT = "2026-11-second"


def current() -> Policy:
    """
    This function will return the policy that new assessments use.
    """
    return load(CURRENT)


@cache
def load(policy_id: str) -> Policy:
    """
    This function will read and validate one policy.

    Raises:
        PolicyError: when there is no such policy, or one of its weights has no source.

    """
    shelf = files("app.ranking").joinpath("policies")
    known = {entry.name.removesuffix(".toml"): entry for entry in shelf.iterdir()}
    if policy_id not in known:
        raise PolicyError(f"there is no policy {policy_id!r}; there are {sorted(known)}")
    policy = build(tomllib.loads(known[policy_id].read_text(encoding="utf-8")))
    if policy.id != policy_id:
        raise PolicyError(f"{policy_id}.toml calls itself {policy.id!r}")
    return policy
