"""
What the laboratory sends when something it released does not hold.
"""

from typing import Literal

from pydantic import Field

from app.results.rules import Because, WithdrawalBecause
from app.samples.schemas import Note, Strict

_WORDS = "What happened, in words; it stays with the laboratory, by its hash in the ledger."


class ContradictionIn(Strict):
    """
    What speaks against a released finding. What a conclusion says against it is told by itself.
    """

    because: Literal[Because.CONTROL_FAILED] = Because.CONTROL_FAILED
    note: Note = Field(description=_WORDS)


class FindingWithdrawalIn(Strict):
    """
    Why a released finding is taken back.
    """

    because: WithdrawalBecause
    note: Note = Field(description=_WORDS)
