"""What: the mail can be built, offers the way out, and reads well."""

from collections.abc import Iterator

from core.campaigns.preflight.case import Case
from core.campaigns.preflight.registry import Found, Level, Reads, check
from core.campaigns.wording import hints, spam_words
from core.campaigns.wrong_client import letters_of
from core.email_templates.inspection import UNSUBSCRIBE_TAG
from core.email_templates.structure import POSTAL_ADDRESS_KEY

_FIELD_NAMES = {"subject": "Subject", "preheader": "Preheader", "text": "Plain text"}
_MANY_SPAM_WORDS = 3
_OWN_CHECKS = frozenset({"no_unsubscribe", "alt", "size"})
"""Codes of the inspection's warnings that have an entry of their own in the list."""


@check(code="subject", title="Subject", where="what", reads=Reads.CONTENT, fine="The mail has a subject.")
def subject_is_there(case: Case) -> Iterator[Found]:
    if not case.source.subject.strip():
        yield Found("The mail has no subject. Write one.", "no_subject")


@check(
    code="merge_tags",
    title="Merge tags and HTML can be read",
    where="what",
    reads=Reads.CONTENT,
    fine="Every merge tag is known.",
)
def source_can_be_read(case: Case) -> Iterator[Found]:
    for finding in case.inspection.errors:
        name = _FIELD_NAMES.get(finding.field, case.language)
        line = f", line {finding.line}" if finding.line and finding.field in ("html", "text") else ""
        yield Found(f"{name}{line}: {finding.message}", finding.code)


@check(
    code="no_unsubscribe",
    title="Unsubscribe link",
    where="what",
    reads=Reads.CONTENT,
    fine="Every part of the mail offers the way out.",
)
def way_out_is_there(case: Case) -> Iterator[Found]:
    if not case.inspection.has_unsubscribe:
        message = f"The template “{case.campaign.template}” has no unsubscribe link. Put {UNSUBSCRIBE_TAG} behind a"
        yield Found(f"{message} link{', in the plain text as well' if case.source.text else ''}.")


@check(
    code="postal_address_shown",
    title="Postal address in the mail",
    where="what",
    reads=Reads.CONTENT,
    level=Level.WARNING,
    fine="The mail shows the client's postal address.",
)
def postal_address_is_shown(case: Case) -> Iterator[Found]:
    """As the tag, or written out. That the client has one is another check's to say."""
    address = letters_of(case.organization.postal_address)
    if POSTAL_ADDRESS_KEY not in case.source.html and address and address not in letters_of(case.text):
        yield Found(
            f"The mail does not show the client's postal address, which the law of many countries asks for in every "
            f"advertising mail. Put {{{{ {POSTAL_ADDRESS_KEY} }}}} into its footer."
        )


@check(
    code="inbox_row",
    title="Subject and preheader read well",
    where="what",
    reads=Reads.CONTENT,
    level=Level.WARNING,
    fine="Length and words of subject and preheader are fine.",
)
def inbox_row_reads_well(case: Case) -> Iterator[Found]:
    if case.source.subject.strip():
        for hint in hints(case.source.subject, case.source.preheader):
            yield Found(hint.message, hint.code)


@check(
    code="spam_words",
    title="No words that filters look for",
    where="what",
    reads=Reads.CONTENT,
    level=Level.WARNING,
    fine="The text has few of the words that spam filters weigh.",
)
def text_has_few_spam_words(case: Case) -> Iterator[Found]:
    words = spam_words(case.text)
    if len(words) >= _MANY_SPAM_WORDS:
        named = ", ".join(f"“{word}”" for word in words)
        yield Found(f"The text holds {named}. Each is harmless; together they read like an advertisement.")


@check(
    code="pictures",
    title="Pictures have alt texts",
    where="what",
    reads=Reads.CONTENT,
    level=Level.WARNING,
    fine="Every picture says what it shows.",
)
def pictures_have_alt_texts(case: Case) -> Iterator[Found]:
    lines = [finding.line for finding in case.inspection.warnings if finding.code == "alt"]
    if lines:
        known = list(dict.fromkeys(filter(None, lines)))
        named = ", ".join(str(line) for line in known[:5]) + (" …" if len(known) > 5 else "")
        where = f"line {named} of the {case.language}" if known else "out of a block"
        pictures = "1 picture has" if len(lines) == 1 else f"{len(lines)} pictures have"
        yield Found(
            f"{pictures} no alt text ({where}). With pictures off, people see nothing there. "
            'Write alt="…", or alt="" for decoration.'
        )


def _size_words(case: Case) -> str:
    size = max(mail.inspection.size_bytes for mail in case.mails) / 1024
    which = "The mail" if len(case.mails) == 1 else "The largest variant"
    return f"{which} is {size:.0f} kB; Gmail shows up to 102 kB."


@check(code="size", title="Size", where="what", reads=Reads.CONTENT, level=Level.WARNING, fine=_size_words)
def mail_is_small_enough(case: Case) -> Iterator[Found]:
    for finding in case.inspection.warnings:
        if finding.code == "size":
            yield Found(finding.message)


@check(
    code="template_hints",
    title="What else the template's page says",
    where="what",
    reads=Reads.CONTENT,
    level=Level.WARNING,
    fine="The template's own checks found nothing else.",
)
def template_has_no_other_hints(case: Case) -> Iterator[Found]:
    others = [finding for finding in case.inspection.warnings if finding.code not in _OWN_CHECKS]
    others = [finding for finding in others if finding.field in ("html", "text")]
    for message in dict.fromkeys(finding.message for finding in others[:5]):
        yield Found(message)
