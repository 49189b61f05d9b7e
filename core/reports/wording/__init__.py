"""The words of reports, in the languages of choices.Language."""

from core.reports.wording.english import ENGLISH
from core.reports.wording.spanish import SPANISH
from core.reports.wording.words import Wording

__all__ = ["ENGLISH", "SPANISH", "Wording", "wording_in"]

_BY_LANGUAGE = {"en": ENGLISH, "es": SPANISH}


def wording_in(language: str) -> Wording:
    """In English for a language that is not spoken here."""
    return _BY_LANGUAGE.get(language, ENGLISH)
