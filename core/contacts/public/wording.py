"""What people read on signup forms, confirmations and the preference centre, and in the confirmation mail.

`{client}` is the client's name, `{address}` an address, `{date}` a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Wording:
    language: str
    # the form
    email: str
    choose: str
    optional: str
    agree_needed: str
    leave_empty: str
    email_needed: str
    email_wrong: str
    too_long: str
    bad_number: str
    bad_date: str
    bad_choice: str
    errors_title: str
    look_again: str
    closed_title: str
    closed_text: str
    sent_title: str
    sent_text: str
    sent_hint: str
    bad_request: str
    # the confirmation
    confirm_title: str
    confirm_text: str
    confirm_button: str
    confirmed_title: str
    confirmed_text: str
    refused_title: str
    refused_text: str
    no_room_title: str
    no_room_text: str
    expired_title: str
    expired_text: str
    again: str
    to_preferences: str
    # the confirmation mail
    mail_subject: str
    mail_text: str
    mail_button: str
    mail_ignore: str
    mail_link: str
    # the preference centre
    preferences_title: str
    preferences_of: str
    now_title: str
    saved_title: str
    unchanged_title: str
    now_mailed: str
    now_not_mailed: str
    now_elsewhere: str
    now_paused: str
    now_topics: str
    now_no_topics: str
    now_weekly: str
    now_monthly: str
    kept_for_later: str
    topics: str
    topic_fixed: str
    how_often: str
    every_mail: str
    weekly: str
    monthly: str
    pause: str
    no_pause: str
    keep_pause: str
    end_pause: str
    pause_30: str
    pause_90: str
    language_title: str
    save: str
    leave_title: str
    leave_text: str
    leave_button: str
    back_title: str
    back_button: str
    back_refused: str
    date_format: str

    def filled(self, **values: str) -> "Wording":
        """The same sentences with these values in them."""
        return Wording(**{field.name: _filled(getattr(self, field.name), values) for field in fields(self)})

    def of_field(self, key: str) -> str:
        """The label of a contact's own field, such as "first_name"."""
        return FIELD_LABELS[self.language][key]


def _filled(text: str, values: Mapping[str, Any]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


FIELD_LABELS = {
    "en": {"first_name": "First name", "last_name": "Last name", "company": "Company", "phone": "Phone"},
    "es": {"first_name": "Nombre", "last_name": "Apellidos", "company": "Empresa", "phone": "Teléfono"},
}
LANGUAGE_NAMES = {"en": "English", "es": "Español"}

ENGLISH = Wording(
    language="en",
    email="Email address",
    choose="Choose …",
    optional="optional",
    agree_needed="Tick this box if you agree. Without it you cannot be subscribed.",
    leave_empty="Leave this field empty",
    email_needed="Write your email address.",
    email_wrong="This is not a complete email address. It looks like name@example.com.",
    too_long="This is too long.",
    bad_number="Write a number, such as 12 or 12.5.",
    bad_date="Write a date, such as 2026-03-24.",
    bad_choice="Choose one of the list.",
    errors_title="Something is missing",
    look_again="One more look, please: is everything right? Then press the button.",
    closed_title="This form is closed",
    closed_text="{client} takes no subscriptions here at the moment.",
    sent_title="Check your inbox",
    sent_text="We are sending a mail to {address}. Press the button in it, and you are subscribed.",
    sent_hint="Nothing there after some minutes? Look among the spam, or check whether the address is right.",
    bad_request="This request cannot be read as a form of this page. Nothing was changed.",
    confirm_title="Confirm your subscription",
    confirm_text="One press, and {client} writes to you at",
    confirm_button="Yes, subscribe me",
    confirmed_title="You are subscribed",
    confirmed_text="{client} writes to you at",
    refused_title="This address cannot be subscribed here",
    refused_text="Please write to {client}, who can tell you more.",
    no_room_title="Thank you, we have your confirmation",
    no_room_text="It takes {client} a moment to add you. You need not do anything more.",
    expired_title="This link is too old",
    expired_text="A confirmation is good for seven days. Fill in the form again, and you get a new one.",
    again="To the form",
    to_preferences="Choose topics and how often you hear from us",
    mail_subject="Please confirm your subscription to {client}",
    mail_text="You asked to be subscribed to “{title}” of {client}. Press the button to confirm that it was you.",
    mail_button="Yes, subscribe me",
    mail_ignore="If it was not you, do nothing: without the button nobody is subscribed.",
    mail_link="If the button does not work, open this address:",
    preferences_title="Your mail preferences",
    preferences_of="These are the settings of",
    now_title="What is true now",
    saved_title="Saved. This is true now:",
    unchanged_title="Nothing was changed. This is true now:",
    now_mailed="{client} sends you mails.",
    now_not_mailed="{client} sends you no mails.",
    now_elsewhere="{client} sends no mails to this address. To change that, write to {client}.",
    now_paused="You get nothing until {date}. Then mails come again by themselves.",
    now_topics="Your topics: {topics}.",
    now_no_topics="You chose none of the topics.",
    now_weekly="At most one mail a week.",
    now_monthly="At most one mail a month.",
    kept_for_later="What you choose here counts once you subscribe again.",
    topics="Topics",
    topic_fixed="Only {client} can switch this one on for you.",
    how_often="How often",
    every_mail="Every mail",
    weekly="At most one a week",
    monthly="At most one a month",
    pause="A pause",
    no_pause="No pause",
    keep_pause="Stay paused until {date}",
    end_pause="End the pause now",
    pause_30="Pause for 30 days",
    pause_90="Pause for 90 days",
    language_title="Language",
    save="Save my choices",
    leave_title="No mails at all",
    leave_text="You can also leave for good. The way back is on this page.",
    leave_button="Unsubscribe from all mails",
    back_title="Would you like mails again?",
    back_button="Subscribe again",
    back_refused="This address cannot be subscribed again here. Write to {client} and ask for it.",
    date_format="j F Y",
)
SPANISH = Wording(
    language="es",
    email="Correo electrónico",
    choose="Elija …",
    optional="opcional",
    agree_needed="Marque esta casilla si está de acuerdo. Sin ella no podemos suscribirle.",
    leave_empty="Deje este campo vacío",
    email_needed="Escriba su dirección de correo.",
    email_wrong="No es una dirección de correo completa. Tiene esta forma: nombre@ejemplo.com.",
    too_long="Es demasiado largo.",
    bad_number="Escriba un número, como 12 o 12,5.",
    bad_date="Escriba una fecha, como 2026-03-24.",
    bad_choice="Elija una opción de la lista.",
    errors_title="Falta algo",
    look_again="Un último vistazo: ¿está todo bien? Entonces pulse el botón.",
    closed_title="Este formulario está cerrado",
    closed_text="{client} no admite suscripciones aquí en este momento.",
    sent_title="Mire su correo",
    sent_text="Enviamos un mensaje a {address}. Pulse el botón que contiene y quedará suscrito.",
    sent_hint="¿No llega en unos minutos? Mire en el correo no deseado o revise la dirección.",
    bad_request="Esta petición no se puede leer como un formulario de esta página. No se ha cambiado nada.",
    confirm_title="Confirme su suscripción",
    confirm_text="Una pulsación y {client} le escribirá a",
    confirm_button="Sí, quiero suscribirme",
    confirmed_title="Ya está suscrito",
    confirmed_text="{client} le escribe a",
    refused_title="Esta dirección no se puede suscribir aquí",
    refused_text="Escriba a {client}, que podrá decirle más.",
    no_room_title="Gracias, tenemos su confirmación",
    no_room_text="{client} tardará un momento en añadirle. No tiene que hacer nada más.",
    expired_title="Este enlace es demasiado antiguo",
    expired_text="Una confirmación vale siete días. Rellene otra vez el formulario y recibirá una nueva.",
    again="Al formulario",
    to_preferences="Elija los temas y la frecuencia de los correos",
    mail_subject="Confirme su suscripción a {client}",
    mail_text="Ha pedido suscribirse a «{title}» de {client}. Pulse el botón para confirmar que fue usted.",
    mail_button="Sí, quiero suscribirme",
    mail_ignore="Si no fue usted, no haga nada: sin el botón no se suscribe a nadie.",
    mail_link="Si el botón no funciona, abra esta dirección:",
    preferences_title="Sus preferencias de correo",
    preferences_of="Estos son los ajustes de",
    now_title="Así está ahora",
    saved_title="Guardado. Ahora es así:",
    unchanged_title="No se ha cambiado nada. Ahora es así:",
    now_mailed="{client} le envía correos.",
    now_not_mailed="{client} no le envía correos.",
    now_elsewhere="{client} no envía correos a esta dirección. Para cambiarlo, escriba a {client}.",
    now_paused="No recibirá nada hasta el {date}. Después los correos vuelven solos.",
    now_topics="Sus temas: {topics}.",
    now_no_topics="No ha elegido ningún tema.",
    now_weekly="Como mucho un correo por semana.",
    now_monthly="Como mucho un correo al mes.",
    kept_for_later="Lo que elija aquí valdrá cuando vuelva a suscribirse.",
    topics="Temas",
    topic_fixed="Solo {client} puede activarlo.",
    how_often="Con qué frecuencia",
    every_mail="Todos los correos",
    weekly="Como mucho uno por semana",
    monthly="Como mucho uno al mes",
    pause="Una pausa",
    no_pause="Sin pausa",
    keep_pause="Seguir en pausa hasta el {date}",
    end_pause="Terminar la pausa ahora",
    pause_30="Pausa de 30 días",
    pause_90="Pausa de 90 días",
    language_title="Idioma",
    save="Guardar",
    leave_title="Ningún correo",
    leave_text="También puede darse de baja del todo. El camino de vuelta está en esta página.",
    leave_button="Darme de baja de todo",
    back_title="¿Quiere recibir correos de nuevo?",
    back_button="Volver a suscribirme",
    back_refused="Esta dirección no se puede volver a suscribir aquí. Escriba a {client} para pedirlo.",
    date_format="j \\d\\e F \\d\\e Y",
)
_BY_LANGUAGE = {"en": ENGLISH, "es": SPANISH}


def wording_in(language: str) -> Wording:
    """In this language if we speak it, else in English."""
    return _BY_LANGUAGE.get(language[:2].lower(), ENGLISH)
