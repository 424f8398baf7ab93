"""
What the laboratory has learnt from elsewhere: linked samples, an agency's record, names it has seldom met.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log2

from app.ranking import words
from app.ranking.facts import Facts, Link, Record
from app.ranking.model import CLASSES, HAZARDS, LETHAL, Policy, RecordRule

_CERTAIN = 1e-9


@dataclass(frozen=True, slots=True)
class Shared:
    """
    What linked samples say about one class: bits, and how to say it.
    """

    hazard: int
    bits: float
    text: str
    source: str


def shared(links: Iterable[Link], present: list[float], policy: Policy) -> list[Shared]:
    """
    This function will weigh the results of linked samples: those of the strongest link only, and one hop.

    A linked sample holds the same with probability r, else each is drawn for itself. Several results of one link make
    a Beta-Binomial with a + b = (1 - r) / r: one positive gives r + (1 - r)p, one negative (1 - r)p. A result says
    nothing against a class while another one that kills was found: mixtures are common.

    Args:
        links: one result each.
        present: the probability of each class, before.
        policy: how much alike linked samples are.

    """
    known = [link for link in links if link.kind in policy.links]
    if not known:
        return []
    rule = max((policy.links[link.kind] for link in known), key=lambda one: (one.share, -one.place))
    same = [link for link in known if policy.links[link.kind] is rule]
    lethal = {CLASSES[at] for at in LETHAL}
    held_lethal = any(lethal & link.found for link in same)
    moved = []
    for at, hazard in enumerate(HAZARDS):
        held = sum(hazard in link.found for link in same)
        if not held and (held_lethal or at not in LETHAL):
            continue
        bits = _logit(_mixed(present[at], held, len(same), rule.share)) - _logit(present[at])
        text = f"{_of(held, len(same))} {rule.words} {words.CLASSES[at]}: {words.times(bits)} on it"
        moved.append(Shared(at, bits, text, rule.source))
    return moved


def _mixed(p: float, held: int, of: int, share: float) -> float:
    weight = (1 - share) / share
    return (p * weight + held) / (weight + of)


def _logit(p: float) -> float:
    p = min(max(p, _CERTAIN), 1 - _CERTAIN)
    return log2(p / (1 - p))


def _of(held: int, of: int) -> str:
    if of == 1:
        return "A linked sample held" if held else "A linked sample did not hold"
    return f"{held} of {of} linked samples held"


def record_bits(record: Record, rule: RecordRule) -> float:
    """
    This function will say how far an agency's record moves its suspicions: not at all before enough are resolved.

    Its rate is drawn towards the mean over agencies (empirical Bayes), so that chance moves little.
    """
    if record.resolved < rule.after:
        return 0.0
    drawn = (record.usual * record.strength + record.held) / (record.strength + record.resolved)
    return min(max(_logit(drawn) - _logit(record.usual), rule.least), rule.most)


def tempers(facts: Facts, policy: Policy, named: bool) -> tuple[float, str] | None:  # noqa: FBT001 - a fact, not a switch
    """
    This function will weigh the agency's record, where the sample carries a suspicion it is a record of.
    """
    if facts.record is None or policy.record is None or not named:
        return None
    bits = record_bits(facts.record, policy.record)
    if not bits:
        return None
    told = (
        f"Of {facts.record.resolved} resolved suspicions of this kind from the same agency {facts.record.held} held,"
        f" {facts.record.usual:.0%} are usual: {words.times(bits)} on lethal opioids"
    )
    return bits, told


def usual(
    records: Iterable[tuple[int, int]], *, mean: float, strength: float
) -> tuple[float, float]:
    """
    This function will fit, by the method of moments, the mean over agencies and how many suspicions it is worth.

    Args:
        records: for each agency how many suspicions are resolved, and how many of them held.
        mean: what is taken while too few agencies have a record.
        strength: likewise.

    """
    told = [(of, held) for of, held in records if of >= _SOME]
    if len(told) < _AGENCIES:
        return mean, strength
    total = sum(of for of, _ in told)
    m = min(max(sum(held for _, held in told) / total, 0.01), 0.99)
    spread = sum(of * (held / of - m) ** 2 for of, held in told)
    # E[spread] = m(1-m)[(k-1)(1 - rho) + rho(total - sum n^2/total)], rho = 1/(s + 1).
    k = len(told)
    reach = total - sum(of * of for of, _ in told) / total
    rho = (spread / (m * (1 - m)) - (k - 1)) / (reach - (k - 1))
    rho = min(max(rho, 1 / (_MOST + 1)), 1 / (_LEAST + 1))
    return m, 1 / rho - 1


_SOME = 10
"""Resolved suspicions from which on an agency counts for the mean."""
_AGENCIES = 3
_LEAST, _MOST = 2.0, 200.0
"""Bounds of the strength."""
