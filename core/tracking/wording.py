"""What recipients read on public pages, in the languages of settings.LANGUAGES. `{client}` is the client's name."""

from dataclasses import dataclass, fields

from django.http import HttpRequest
from django.utils.translation import get_language_from_request


@dataclass(frozen=True)
class Wording:
    language: str
    ask_title: str
    ask_text: str
    ask_button: str
    gone_title: str
    gone_text: str
    gone_again: str
    back_button: str
    back_title: str
    back_text: str
    back_refused: str
    not_found_title: str
    not_found_text: str
    bad_request: str
    too_many: str

    def for_client(self, client: str) -> "Wording":
        """The same sentences with the client's name in them."""
        return Wording(**{field.name: getattr(self, field.name).replace("{client}", client) for field in fields(self)})


ENGLISH = Wording(
    language="en",
    ask_title="Unsubscribe from {client}?",
    ask_text="{client} will send no more mails to",
    ask_button="Unsubscribe",
    gone_title="You are unsubscribed",
    gone_text="{client} sends no more mails to",
    gone_again="That was a mistake?",
    back_button="Subscribe again",
    back_title="You are subscribed again",
    back_text="{client} sends mails again to",
    back_refused="This address cannot be subscribed again here. Write to {client} and ask for it.",
    not_found_title="This link leads nowhere",
    not_found_text="It may be incomplete, or the mail it came with is no longer kept. Try the link in the mail again.",
    bad_request="This request does not ask to unsubscribe (RFC 8058: List-Unsubscribe=One-Click). Nothing was changed.",
    too_many="This page was asked for too often. Try again in an hour.",
)
SPANISH = Wording(
    language="es",
    ask_title="¿Darse de baja de {client}?",
    ask_text="{client} no enviará más correos a",
    ask_button="Darme de baja",
    gone_title="Se ha dado de baja",
    gone_text="{client} ya no envía correos a",
    gone_again="¿Ha sido un error?",
    back_button="Volver a suscribirme",
    back_title="Vuelve a estar suscrito",
    back_text="{client} envía de nuevo correos a",
    back_refused="Esta dirección no se puede volver a suscribir aquí. Escriba a {client} para pedirlo.",
    not_found_title="Este enlace no lleva a ninguna parte",
    not_found_text="Puede estar incompleto, o el correo ya no se conserva. Pruebe otra vez el enlace del correo.",
    bad_request="Esta petición no pide la baja (RFC 8058: List-Unsubscribe=One-Click). No se ha cambiado nada.",
    too_many="Esta página se ha pedido demasiadas veces. Vuelva a intentarlo dentro de una hora.",
)
_BY_LANGUAGE = {"en": ENGLISH, "es": SPANISH}


def wording_for(request: HttpRequest, contact_language: str = "") -> Wording:
    """The contact's own language if we speak it, else the browser's (Accept-Language, RFC 9110), else English."""
    own = _BY_LANGUAGE.get(contact_language[:2].lower())
    return own or _BY_LANGUAGE.get(get_language_from_request(request)[:2], ENGLISH)
