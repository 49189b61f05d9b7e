"""What every public page may have to say, and in which of settings.LANGUAGES."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import get_language_from_request

LANGUAGES = ("en", "es")


@dataclass(frozen=True)
class FrameWording:
    language: str
    not_found_title: str
    not_found_text: str
    too_many_title: str
    too_many_text: str


_BY_LANGUAGE = {
    "en": FrameWording(
        language="en",
        not_found_title="This link leads nowhere",
        not_found_text=(
            "It may be incomplete, or the mail it came with is no longer kept. Try the link in the mail again."
        ),
        too_many_title="Too many requests",
        too_many_text="This page was asked for too often. Try again in an hour.",
    ),
    "es": FrameWording(
        language="es",
        not_found_title="Este enlace no lleva a ninguna parte",
        not_found_text="Puede estar incompleto, o el correo ya no se conserva. Pruebe otra vez el enlace del correo.",
        too_many_title="Demasiadas peticiones",
        too_many_text="Esta página se ha pedido demasiadas veces. Vuelva a intentarlo dentro de una hora.",
    ),
}


def language_for(request: HttpRequest, own_language: str = "") -> str:
    """The person's own language if we speak it, else the browser's (Accept-Language, RFC 9110), else English."""
    for language in (own_language, get_language_from_request(request)):
        if language[:2].lower() in LANGUAGES:
            return language[:2].lower()
    return "en"


def frame_wording(language: str) -> FrameWording:
    """`language` is one of LANGUAGES."""
    return _BY_LANGUAGE[language]
