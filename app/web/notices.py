"""
What is said once, at the top of the page one is sent to after an action. The browser carries the code, never the words.
"""

from dataclasses import dataclass

from app.web.language import N_


@dataclass(frozen=True, slots=True)
class Notice:
    """
    One sentence, and how it is meant: ``good``, ``info`` or ``bad``.
    """

    tone: str
    text: str


NOTICES: dict[str, Notice] = {
    "signed-out": Notice("info", N_("You are signed out.")),
    "password-set": Notice("good", N_("Your password is set. Sign in with it.")),
    "password-changed": Notice(
        "good", N_("Your password is changed. All other sessions have ended.")
    ),
    "session-ended": Notice("good", N_("That session has ended.")),
    "others-ended": Notice("good", N_("All other sessions have ended.")),
    "codes-on": Notice("good", N_("From now on you sign in with a one-time code as well.")),
    "codes-off": Notice("info", N_("You sign in without one-time codes.")),
    "not-linked": Notice(
        "bad", N_("Your organization's sign-in worked, but no account here is linked to it.")
    ),
    "provider-failed": Notice(
        "bad", N_("Signing in through your organization did not work. Try again.")
    ),
    "acknowledged": Notice("good", N_("Acknowledged, in your name.")),
    "submitted": Notice("good", N_("Stored. Every exhibit has its place in line.")),
    "photographed": Notice("good", N_("The photograph is attached.")),
    "claimed": Notice("good", N_("The sample is yours.")),
    "not-claimed": Notice("bad", N_("Somebody was faster: it is held now.")),
    "queue-empty": Notice("info", N_("Nothing is left to take at this stage.")),
    "kept": Notice("good", N_("It stays yours.")),
    "put-back": Notice("info", N_("It is back in line, at its place.")),
    "received": Notice("good", N_("Received. It is in line now, and the agency is told.")),
    "recorded": Notice("good", N_("Recorded.")),
    "concluded": Notice("good", N_("Concluded. The sample goes on to its next stage.")),
    "released": Notice("good", N_("Released. Every party of the file is told at this moment.")),
    "signed": Notice("good", N_("Signed. The next step is below.")),
    "returned": Notice("info", N_("Returned to the bench, with your remarks.")),
    "reported": Notice(
        "good", N_("The report is released. Every party of the file is told at this moment.")
    ),
    "rush-answered": Notice("good", N_("Answered, under your name. The agency is told.")),
    "received-on-hold": Notice(
        "bad", N_("Received, and on hold: it is not as announced. The agency is told.")
    ),
    "refused-at-door": Notice(
        "bad",
        N_("Not received: it is another item, or none. Work is stopped, and the agency is told."),
    ),
}
