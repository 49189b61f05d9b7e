"""What the client's approver reads, in English and Spanish. `{client}`, `{asker}` and the like are filled in."""

from dataclasses import dataclass, fields, replace

from django.http import HttpRequest

from core.accounts.public_pages.wording import language_for


@dataclass(frozen=True)
class Wording:
    language: str
    open_title: str
    open_text: str
    correction_text: str
    note: str
    until: str
    inbox: str
    from_label: str
    preview_desktop: str
    preview_phone: str
    show: str
    variant: str
    variants_text: str
    who_title: str
    who_count: str
    who_one: str
    who_uncounted: str
    who_groups: str
    who_segments: str
    who_left_out: str
    when_title: str
    when_planned: str
    when_recipient: str
    when_open: str
    when_correction: str
    who_correction: str
    who_correction_one: str
    comments_title: str
    comments_none: str
    comments_full: str
    comment_pin: str
    comment_pinned: str
    comment_unpin: str
    comment_keys: str
    comment_text: str
    comment_button: str
    comment_saved: str
    name: str
    answer_title: str
    answer_text: str
    approve: str
    approve_hint: str
    changes: str
    changes_hint: str
    needs_name: str
    name_long: str
    needs_text: str
    text_long: str
    needs_reason: str
    errors_title: str
    bad_request: str
    approved_title: str
    approved_text: str
    approved_next: str
    changes_title: str
    changes_text: str
    changes_next: str
    revoked_title: str
    revoked_text: str
    withdrawn_title: str
    withdrawn_text: str
    expired_title: str
    expired_text: str
    older_title: str
    older_text: str
    just_now: str
    mail_subject: str
    mail_reminder: str
    mail_text: str
    mail_correction_subject: str
    mail_correction_reminder: str
    mail_correction_text: str
    mail_button: str
    mail_until: str
    mail_link: str
    mail_no_login: str
    date_format: str
    time_format: str

    def filled(self, **values: str) -> "Wording":
        """The same sentences with these names in place."""

        def fill(text: str) -> str:
            for name, value in values.items():
                text = text.replace("{" + name + "}", value)
            return text

        return Wording(**{field.name: fill(getattr(self, field.name)) for field in fields(self)})

    def for_correction(self) -> "Wording":
        """The same about the corrected version of a mail that is on its way."""
        return replace(
            self,
            open_text=self.correction_text,
            who_count=self.who_correction,
            who_one=self.who_correction_one,
            mail_subject=self.mail_correction_subject,
            mail_reminder=self.mail_correction_reminder,
            mail_text=self.mail_correction_text,
        )


ENGLISH = Wording(
    language="en",
    open_title="Please look at this mail",
    open_text="{asker} asks for your approval before it is sent for {client}.",
    correction_text="This mail for {client} was stopped on its way and corrected. {asker} asks for your approval of "
    "the corrected version. Nobody gets it before you have answered.",
    note="A note from {asker}",
    until="You can answer until {date}.",
    inbox="In the inbox",
    from_label="From",
    preview_desktop="On a computer",
    preview_phone="On a phone",
    show="Show the mail",
    variant="Variant {letter}",
    variants_text="These variants are tried on a part of the people; the better one goes to the rest.",
    who_title="Who gets it",
    who_count="{count} people",
    who_one="1 person",
    who_uncounted="The number is counted when it is sent.",
    who_groups="Groups",
    who_segments="Segments",
    who_left_out="Left out",
    when_title="When",
    when_planned="Planned for {moment}.",
    when_recipient="In each recipient's own time zone.",
    when_open="No time is set. The team sends it after your approval.",
    when_correction="After your approval, when the team lets it go on.",
    who_correction="{count} people who have not had it yet",
    who_correction_one="1 person who has not had it yet",
    comments_title="Comments",
    comments_none="No comments yet. Tap a spot of the mail to pin one there, or write one below.",
    comments_full="There are as many comments as fit here. Put the rest into your answer.",
    comment_pin="Pin a comment to a spot of the mail: tap it, or move the mark with the arrow keys and press Enter",
    comment_pinned="Pinned to the spot you chose.",
    comment_unpin="Remove the pin",
    comment_keys="Tap the mail where something should change, or press the arrow keys and Enter.",
    comment_text="Your comment",
    comment_button="Add the comment",
    comment_saved="Your comment is saved. It does not decide anything yet.",
    name="Your name",
    answer_title="Your answer",
    answer_text="What should change",
    approve="Approve",
    approve_hint="Approving means: it may be sent exactly as it is here.",
    changes="Ask for changes",
    changes_hint="(only when you ask for changes; your comments above count as well)",
    needs_name="Write your name, so that the team knows who answered.",
    name_long="This name is too long: 100 characters fit.",
    needs_text="Write what you want to say.",
    text_long="This is too long: 2,000 characters fit.",
    needs_reason="Say what should change, here or in a comment.",
    errors_title="Something is missing",
    bad_request="This request cannot be read as a form of this page. Nothing was changed.",
    approved_title="Approved",
    approved_text="{name} approved this mail on {moment}.",
    approved_next="The team can send it now, exactly as it was here. You need not do anything more. If "
    "anything in it is "
    "edited, the approval ends and you are asked again.",
    changes_title="Changes were asked for",
    changes_text="{name} asked for changes on {moment}.",
    changes_next="The team has your words and comments. When the mail is corrected, you get a new link. "
    "This one is done "
    "with.",
    revoked_title="This mail was edited",
    revoked_text="It was edited after you were asked ({parts}), so it cannot be answered here any more. "
    "You get a new link "
    "when it is ready.",
    withdrawn_title="The team took this back",
    withdrawn_text="You need not do anything. You get a new link when there is something to look at.",
    expired_title="The time to answer is over",
    expired_text="Ask {asker} for a new link.",
    older_title="There is a newer link",
    older_text="This link has ended. Look for the newest mail about it, or ask {asker}.",
    just_now="Somebody else was quicker: nothing was changed by your answer.",
    mail_subject="Please approve: {campaign}",
    mail_reminder="Reminder, please approve: {campaign}",
    mail_text="{asker} has prepared the mail “{campaign}” for {client} and asks you to look at it before it is sent.",
    mail_correction_subject="Please approve the correction: {campaign}",
    mail_correction_reminder="Reminder, please approve the correction: {campaign}",
    mail_correction_text="The mail “{campaign}” for {client} was stopped on its way and corrected. {asker} asks you to "
    "look at the corrected version before the others get it.",
    mail_button="Look at the mail",
    mail_until="The link works until {date}.",
    mail_link="If the button does not work, open this address:",
    mail_no_login="No login is needed. Do not pass this mail on: whoever has the link can answer for you.",
    date_format="j F Y",
    time_format="j F Y, H:i",
)
SPANISH = Wording(
    language="es",
    open_title="Revise este correo",
    open_text="{asker} le pide su aprobación antes de enviarlo en nombre de {client}.",
    correction_text="El envío de este correo en nombre de {client} se detuvo y el correo se corrigió. {asker} le pide "
    "su aprobación de la versión corregida. Nadie la recibe antes de que usted responda.",
    note="Una nota de {asker}",
    until="Puede responder hasta el {date}.",
    inbox="En la bandeja de entrada",
    from_label="De",
    preview_desktop="En un ordenador",
    preview_phone="En un teléfono",
    show="Ver el correo",
    variant="Variante {letter}",
    variants_text="Estas variantes se prueban con una parte de las personas; la mejor llega al resto.",
    who_title="Quién lo recibe",
    who_count="{count} personas",
    who_one="1 persona",
    who_uncounted="El número se cuenta al enviarlo.",
    who_groups="Grupos",
    who_segments="Segmentos",
    who_left_out="Excluidos",
    when_title="Cuándo",
    when_planned="Previsto para el {moment}.",
    when_recipient="En la zona horaria de cada destinatario.",
    when_open="No hay hora fijada. El equipo lo envía después de su aprobación.",
    when_correction="Después de su aprobación, cuando el equipo lo reanude.",
    who_correction="{count} personas que aún no lo han recibido",
    who_correction_one="1 persona que aún no lo ha recibido",
    comments_title="Comentarios",
    comments_none="Aún no hay comentarios. Toque un punto del correo para dejar uno allí, o escríbalo abajo.",
    comments_full="Ya no caben más comentarios aquí. Escriba el resto en su respuesta.",
    comment_pin="Deje un comentario en un punto del correo: tóquelo, o mueva la marca con las flechas y pulse Intro",
    comment_pinned="Fijado en el punto que ha elegido.",
    comment_unpin="Quitar la marca",
    comment_keys="Toque el correo donde deba cambiar algo, o use las flechas y la tecla Intro.",
    comment_text="Su comentario",
    comment_button="Añadir el comentario",
    comment_saved="Su comentario está guardado. Todavía no decide nada.",
    name="Su nombre",
    answer_title="Su respuesta",
    answer_text="Qué debe cambiar",
    approve="Aprobar",
    approve_hint="Aprobar significa: se puede enviar exactamente como está aquí.",
    changes="Pedir cambios",
    changes_hint="(solo si pide cambios; sus comentarios de arriba también cuentan)",
    needs_name="Escriba su nombre, para que el equipo sepa quién ha respondido.",
    name_long="Este nombre es demasiado largo: caben 100 caracteres.",
    needs_text="Escriba lo que quiere decir.",
    text_long="Es demasiado largo: caben 2.000 caracteres.",
    needs_reason="Diga qué debe cambiar, aquí o en un comentario.",
    errors_title="Falta algo",
    bad_request="Esta petición no se puede leer como un formulario de esta página. No se ha cambiado nada.",
    approved_title="Aprobado",
    approved_text="{name} aprobó este correo el {moment}.",
    approved_next="El equipo ya puede enviarlo, exactamente como estaba aquí. No tiene que hacer nada más. Si se edita "
    "algo, la aprobación termina y se le preguntará de nuevo.",
    changes_title="Se han pedido cambios",
    changes_text="{name} pidió cambios el {moment}.",
    changes_next="El equipo tiene sus palabras y comentarios. Cuando el correo esté corregido, recibirá "
    "un enlace nuevo. "
    "Este ya no sirve.",
    revoked_title="Este correo se ha editado",
    revoked_text="Se editó después de preguntarle ({parts}), así que ya no se puede responder aquí. Recibirá un enlace "
    "nuevo cuando esté listo.",
    withdrawn_title="El equipo lo ha retirado",
    withdrawn_text="No tiene que hacer nada. Recibirá un enlace nuevo cuando haya algo que revisar.",
    expired_title="El plazo para responder ha terminado",
    expired_text="Pida a {asker} un enlace nuevo.",
    older_title="Hay un enlace más reciente",
    older_text="Este enlace ha terminado. Busque el último correo sobre el tema o pregunte a {asker}.",
    just_now="Alguien fue más rápido: su respuesta no ha cambiado nada.",
    mail_subject="Por favor, apruebe: {campaign}",
    mail_reminder="Recordatorio, por favor apruebe: {campaign}",
    mail_text="{asker} ha preparado el correo «{campaign}» para {client} y le pide que lo revise antes de enviarlo.",
    mail_correction_subject="Apruebe la corrección: {campaign}",
    mail_correction_reminder="Recordatorio, apruebe la corrección: {campaign}",
    mail_correction_text="El envío del correo «{campaign}» en nombre de {client} se detuvo y el correo se corrigió. "
    "{asker} le pide que revise la versión corregida antes de que la reciban los demás.",
    mail_button="Ver el correo",
    mail_until="El enlace funciona hasta el {date}.",
    mail_link="Si el botón no funciona, abra esta dirección:",
    mail_no_login="No hace falta iniciar sesión. No reenvíe este mensaje: quien tenga el enlace puede "
    "responder por usted.",
    date_format="j \\d\\e F \\d\\e Y",
    time_format="j \\d\\e F \\d\\e Y, H:i",
)
_BY_LANGUAGE = {"en": ENGLISH, "es": SPANISH}
LANGUAGE_CHOICES = (("en", "English"), ("es", "Español"))

PARTS_IN_SPANISH = {
    "subject": "asunto",
    "preheader": "preencabezado",
    "html": "contenido",
    "text": "texto sin formato",
    "links": "enlaces",
    "client": "datos del cliente",
    "sender": "remitente",
    "reply_to": "dirección de respuesta",
    "audience": "destinatarios",
    "variants": "variantes",
}


def wording_in(language: str) -> Wording:
    """In this language if we speak it, else in English."""
    return _BY_LANGUAGE.get(language[:2].lower(), ENGLISH)


def wording_for(request: HttpRequest, own_language: str) -> Wording:
    """The language that was chosen for the approver if we speak it, else the browser's."""
    return wording_in(language_for(request, own_language))
