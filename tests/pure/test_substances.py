"""
What names mean.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.substances.catalogue import ExpectedClass, HazardClass, find, resolve
from app.substances.data import build, catalogue, normal


class TestResolve:
    """
    Exactly, by a synonym, misspelt, by class, or unknown.
    """

    @pytest.mark.parametrize(
        ("text", "expected", "hazard"),
        [
            ("Fentanyl", "fentanyl", "fentanyl_class"),
            ("fent", "fentanyl", "fentanyl_class"),
            ("Down", "fentanyl", "fentanyl_class"),
            ("fentanyl pressé", "fentanyl", "fentanyl_class"),
            ("M-30", "opioid_rx", "fentanyl_class"),
            ("perc 30", "opioid_rx", "fentanyl_class"),
            ("oxy IR", "opioid_rx", None),
            ("benzo dope", "fentanyl", "fentanyl_class"),
            ("héroïne", "heroin", None),
            ("speed", "amphetamine", None),
            ("crystal", "methamphetamine", None),
            ("crack cocaine", "crack", None),
            ("carfentanil", "fentanyl", "super_potent"),
            ("N-desethyl isotonitazene", "nitazene", "nitazene"),
            # as booked at the border
            ("Cocaine", "cocaine", None),
            ("Methamphetamine", "methamphetamine", None),
            ("Ecstasy", "mdma", None),
            ("Heroin", "heroin", None),
            ("Other Drugs", "other", None),
            ("Marijuana", "cannabis", None),
            ("Lsd", "psychedelic", None),
            ("Ketamine", "ketamine", None),
            ("Khat (Catha Edulis)", "khat", None),
        ],
    )
    def test_known_names(self, text: str, expected: str, hazard: str | None) -> None:
        """
        In English, in French, on the street and at the border.
        """
        found = resolve(text)

        assert (ExpectedClass(expected), hazard and HazardClass(hazard)) == (
            found.expected,
            found.hazard,
        )
        assert found.how in {"exact", "synonym"}

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("methamphetmine", "methamphetamine"),
            ("heroinn", "heroin"),
            ("xylezine", "xylazine"),
            ("alprozolam", "alprazolam"),
            ("carfentynil", "carfentanil"),
            ("suspected cocaïn powder", "cocaine"),
        ],
    )
    def test_misspelt_names(self, text: str, name: str) -> None:
        """
        A slip or two in a long word.
        """
        assert name == resolve(text).name

    @pytest.mark.parametrize(
        "text", ["paper", "tablet", "space", "ic", "spe ed", "bag", "W-18", "brun", "side door"]
    )
    def test_short_and_everyday_words_are_protected(self, text: str) -> None:
        """
        Nothing is guessed from words that resemble a name.
        """
        assert "unknown" == resolve(text).how

    @pytest.mark.parametrize(
        ("text", "hazard"),
        [
            ("fluetonitazepyne", "nitazene"),
            ("N-pyrrolidino-fluoronitazene", "nitazene"),
            ("5-bromofentanil", "fentanyl_class"),
            ("spirobrorphine", "other_novel_opioid"),
            ("desorphine", "other_novel_opioid"),
            ("clobromazolam", "novel_benzodiazepine"),
        ],
    )
    def test_names_never_seen_before(self, text: str, hazard: str) -> None:
        """
        The ending gives the class away, and no known name is put in its place.
        """
        found = resolve(text)

        assert (HazardClass(hazard), None, "class_rule") == (found.hazard, found.name, found.how)

    @pytest.mark.parametrize(
        "text", ["morphine", "hydromorphone", "buprenorphine", "diamorphine", "nalorphine"]
    )
    def test_old_opioids_are_not_taken_for_new_ones(self, text: str) -> None:
        """
        They only end alike.
        """
        assert resolve(text).hazard is None

    def test_the_most_dangerous_of_several_names_counts(self) -> None:
        """
        Unless it is said not to be there.
        """
        assert "fentanyl" == resolve("heroin cut with fentanyl").name
        assert "cocaine" == resolve("cocaine, no fentanyl").name
        assert "cocaine" == resolve("cocaine, not bromofentanyl").name

    def test_a_slip_that_could_be_either_is_neither(self) -> None:
        """
        One slip from codeine, and one from cocaine.
        """
        assert "unknown" == resolve("codaine").how

    @given(st.text(max_size=60))
    def test_any_text_gets_an_answer(self, text: str) -> None:
        """
        Always the same one.
        """
        assert resolve(text) == resolve(text)
        assert normal(text) == normal(normal(text))


class TestCatalogue:
    """
    The data file.
    """

    def test_every_name_resolves_to_itself(self) -> None:
        """
        And every synonym to its substance.
        """
        for name, substance in catalogue().names.items():
            assert substance.name == resolve(name).name
        for text, substance in {**catalogue().synonyms, **catalogue().alone}.items():
            assert substance.name == resolve(text).name

    def test_every_potency_has_a_source(self) -> None:
        """
        And a substance can be found by its name.
        """
        carfentanil = find("Carfentanil")

        assert carfentanil is not None
        assert carfentanil.times_fentanyl == 100
        assert all(
            (one.times_fentanyl is None) == (one.source is None)
            for one in catalogue().names.values()
        )

    @pytest.mark.parametrize(
        "groups",
        [
            [{"expected": "heroin", "substances": [{"name": "a", "times_fentanyl": 1}]}],
            [
                {
                    "expected": "heroin",
                    "substances": [{"name": "a"}, {"name": "b", "synonyms": ["A"]}],
                }
            ],
            [{"expected": "heroin", "substances": [{"name": "a", "alone": ["a"]}]}],
            [{"expected": "sugar", "substances": [{"name": "a"}]}],
        ],
    )
    def test_a_spoilt_catalogue_is_refused(self, groups: list[dict[str, object]]) -> None:
        """
        A potency without a source, a text that means two things, a class that is none.
        """
        with pytest.raises(ValueError):  # noqa: PT011 - the four say different things
            build(
                {"version": "x", "nothing_said": [], "negations": [], "rule": [], "group": groups}
            )
