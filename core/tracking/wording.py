"""What recipients read on public pages, in the languages of settings.LANGUAGES. `{client}` is the client's name."""

from dataclasses import dataclass, fields

from django.http import HttpRequest

from core.accounts.public_pages.wording import language_for


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
    bad_request: str
    preferences_link: str

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
    bad_request="This request does not ask to unsubscribe (RFC 8058: List-Unsubscribe=One-Click). Nothing was changed.",
    preferences_link="Fewer mails, other topics, or a pause instead",
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
    bad_request="Esta petición no pide la baja (RFC 8058: List-Unsubscribe=One-Click). No se ha cambiado nada.",
    preferences_link="Menos correos, otros temas o una pausa",
)
_BY_LANGUAGE = {"en": ENGLISH, "es": SPANISH}


def wording_for(request: HttpRequest, contact_language: str = "") -> Wording:
    """The contact's own language if we speak it, else the browser's (Accept-Language, RFC 9110), else English."""
    return _BY_LANGUAGE[language_for(request, contact_language)]
