"""Mails as bytes, compared with what Python's own parser and builder make of the same content."""

from collections.abc import Iterable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from quopri import decodestring
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.delivery.mime import MimeSkeleton, header_text, quoted_printable, single_line, wire_address
from core.delivery.transports.base import Attachment, MailContent, Recipient
from core.delivery.transports.errors import AddressProblem, HeaderProblem, NonAsciiLocalPart
from core.email_templates.merge_tags import Choice, Condition, Escape, KnownKeys, MergeTemplate, Slot, parse
from tests.support.mail_asserts import assert_one_click_unsubscribe, assert_well_formed, mailboxes_of, parsed, parts_of

MESSAGE_ID = UUID("01936b2c-7c1e-7a3b-9d55-0123456789ab")
DATE = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEYS = KnownKeys(internal=True)

NASTY = [
    "",
    " ",
    "Zoë",
    "👩‍👩‍👧‍👦" * 30,
    "שלום עולם",
    "\u202eright to left\u202c",
    "a" * 500,
    "ü" * 500,
    "trailing \nblanks\t\n ",
    ".\n..\n.leading",
    "From here\nFrom From there",
    "=3D = =\n=",
    "line\r\nline\rline\nline",
    "\r\nBcc: victim@example.com\r\n\r\n<script>",
    "nul\x00bell\x07next\x85line\u2028para\u2029",
    "=?utf-8?q?not_encoded?=",
    'quote " back \\ slash, (comment) <a@b>; @:',
    "x" * 75 + ".",
    "--=_01936b2c7c1e7a3b9d550123456789ab",
    "e\u0301" * 60,
]
LETTERS = st.characters(codec="utf-8")
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(LETTERS, max_size=200),
    st.text("ab =.\n\r\tüé😀", max_size=400),
    st.lists(st.sampled_from(NASTY), max_size=3).map("".join),
)


def content(**changes: object) -> MailContent:
    values: dict[str, object] = {
        "subject": parse("News for {{ contact.first_name }}", context=Escape.HEADER, allowed=KEYS),
        "html": parse("<p>Hello {{ contact.first_name }}.</p>", context=Escape.HTML, allowed=KEYS),
        "text": parse("Hello {{ contact.first_name }}.", context=Escape.TEXT, allowed=KEYS),
        "from_name": "Ann Lee",
        "from_email": "news@bakery.example",
        "reply_to": "",
        "message_id_domain": "bakery.example",
        "headers": {},
    }
    return MailContent(**(values | changes))  # type: ignore[arg-type]


def recipient(address: str = "zoe@example.org", name: str = "", **values: str) -> Recipient:
    return Recipient(MESSAGE_ID, address, name, {"contact.first_name": "Zoe"} | values)


def built(mail: MailContent, to: Recipient) -> bytes:
    raw = MimeSkeleton(mail).build(to, date=DATE)
    # SMTP hands the lines over as they are: a dot at the beginning of one would end the mail, or be lost.
    assert not raw.startswith(b".") and b"\r\n." not in raw
    return raw


def as_lines(text: str) -> str:
    """Line ends made equal, those at the end left out: a body always ends its last line, asked or not."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def standard_library_body(text: str) -> str:
    message = EmailMessage()
    message.set_content(text + "\n", cte="base64")
    return str(message.get_content())


def template(*segments: str | Slot | Choice) -> MergeTemplate:
    return MergeTemplate(tuple(segment for segment in segments if segment != ""))


@given(before=texts, value=texts, between=texts, after=texts)
@example(before="x" * 75, value="y" * 75, between="z" * 76, after="=")
@example(before="", value="", between="", after="")
@example(before="x" * 75 + " \ny", value="x" * 74 + "\t\ny", between="x" * 73 + " \n", after="x" * 76 + " \n")
@example(before="", value="", between="\n", after="")
@example(before="blank ", value="\n", between=" ", after=" \n")
def test_build_any_text_and_value_gives_the_rendered_bodies(before: str, value: str, between: str, after: str) -> None:
    slot = Slot("contact.first_name", "", Escape.TEXT)
    body = template(before, slot, between, slot, after)
    to = recipient(**{"contact.first_name": value})

    raw = built(content(text=body, html=body), to)

    assert_well_formed(raw)
    # A line end made of "\r" in one piece and "\n" in the next counts as two: pieces do not know their neighbours.
    pieces = [part if isinstance(part, str) else part.render(to.values) for part in body.segments]
    expected = as_lines("".join(piece.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces))
    text, html = parts_of(parsed(raw))
    assert as_lines(text) == as_lines(html) == expected == as_lines(standard_library_body(expected))


@given(
    before=texts, then=texts, otherwise=texts, value=texts, after=texts, city=st.sampled_from(["Berlin", "Bonn", ""])
)
@example(before="x" * 75, then="y" * 75, otherwise="", value="z" * 76, after="=", city="Berlin")
@example(before="", then="", otherwise="", value="", after="", city="")
def test_build_any_branches_give_the_rendered_bodies(
    before: str, then: str, otherwise: str, value: str, after: str, city: str
) -> None:
    slot = Slot("contact.first_name", "", Escape.TEXT)
    inner = Choice(Condition("contact.attributes.city"), (slot,), ("nowhere",))
    branches = [tuple(part for part in parts if part != "") for parts in ((then, slot, inner), (inner, otherwise))]
    body = template(before, Choice(Condition("contact.attributes.city", "berlin"), *branches), after)
    to = recipient(**{"contact.first_name": value, "contact.attributes.city": city})

    raw = built(content(text=body, html=body), to)

    assert_well_formed(raw)
    shown = (then, slot.render(to.values), slot.render(to.values)) if city == "Berlin" else None
    shown = shown or (slot.render(to.values) if city else "nowhere", otherwise)
    pieces = [piece.replace("\r\n", "\n").replace("\r", "\n") for piece in (before, *shown, after)]
    expected = as_lines("".join(pieces))
    text, html = parts_of(parsed(raw))
    assert as_lines(text) == as_lines(html) == expected


@given(before=texts, between=texts, first=texts, second=texts, address=texts)
@example(before="", between="From ", first=".From .", second="..From From ..", address="x" * 75 + ".")
@example(before="\n.", between=".\n", first="same", second="same", address="&same")
def test_build_equals_each_piece_encoded_for_itself(
    before: str, between: str, first: str, second: str, address: str
) -> None:
    """What stands in several places is encoded once: the bytes are those of encoding it in each place."""
    keys = ("contact.first_name", "contact.last_name", "link.1")
    slots = [Slot(key, "", escape) for key in keys for escape in (Escape.TEXT, Escape.HTML, Escape.URL_WHOLE)]
    choice = Choice(Condition("contact.first_name"), (between, *slots), (*slots[:2], between))
    segments = [part for part in (before, *slots, between, choice, *slots, "end\n") if part != ""]
    to = recipient(**dict(zip(keys, (first, second, address), strict=True)))

    raw = built(content(text=template(*segments), html=template(*reversed(segments), "\n")), to)

    def encoded(parts: Iterable[str | Slot | Choice]) -> bytes:
        flat = (piece for part in parts for piece in (part.chosen(to.values) if isinstance(part, Choice) else (part,)))
        return b"".join(quoted_printable(one if isinstance(one, str) else one.render(to.values)) for one in flat)

    assert f"quoted-printable\r\n\r\n{encoded(segments).decode()}\r\n--".encode() in raw
    assert f"quoted-printable\r\n\r\n{encoded([*reversed(segments), chr(10)]).decode()}\r\n--".encode() in raw


@given(subject=texts, name=texts)
def test_build_any_subject_and_names_reads_back_the_same(subject: str, name: str) -> None:
    slot = Slot("contact.first_name", "", Escape.HEADER)
    mail = content(subject=template("Re: ", slot), from_name=name)

    raw = built(mail, recipient(name=name, **{"contact.first_name": subject}))

    assert_well_formed(raw)
    message = parsed(raw)
    rendered = mail.subject.render({"contact.first_name": subject})
    assert message["Subject"] == single_line(rendered)
    for header, address in (("From", "news@bakery.example"), ("To", "zoe@example.org")):
        assert mailboxes_of(raw, header) == [(single_line(name), address)]
    assert set(message.keys()) == {"Date", "Message-ID", "MIME-Version", "From", "To", "Subject", "Content-Type"}


@pytest.mark.parametrize("text", ["Grüße aus Zürich", "a plain subject", "日本語の件名" * 20, "😀" * 40])
def test_build_subject_equals_the_standard_library(text: str) -> None:
    expected = EmailMessage()
    expected["Subject"] = text
    raw = built(content(subject=template(text)), recipient())
    assert parsed(raw)["Subject"] == parsed(expected.as_bytes())["Subject"] == text


@given(text=texts)
@example("..From From .")
@example("x" * 75 + ".a")
def test_quoted_printable_starts_and_ends_in_the_first_column(text: str) -> None:
    encoded = quoted_printable(text)
    assert not encoded or encoded.endswith(b"\r\n")
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert not any(line.startswith((b".", b"From ")) for line in encoded.split(b"\r\n"))
    joined = text.replace("\r\n", "\n").replace("\r", "\n")
    assert decodestring(encoded).replace(b"\r\n", b"\n") == joined.encode("utf-8", "replace")


def test_build_from_line_and_lone_dot_are_no_danger_to_mail_stores() -> None:
    raw = built(content(text=template("From me\n.\n")), recipient())
    assert b"\r\nFrom me" not in raw
    assert as_lines(parts_of(parsed(raw))[0]) == "From me\n."


def test_build_twice_gives_the_same_message_id_and_bytes() -> None:
    skeleton = MimeSkeleton(content())
    first, second = (skeleton.build(recipient(), date=DATE) for _ in range(2))
    assert first == second
    assert parsed(first)["Message-ID"] == "<01936b2c7c1e7a3b9d550123456789ab@bakery.example>"


def test_build_carries_the_headers_of_bulk_senders() -> None:
    headers = {
        "List-Unsubscribe": parse(
            "<{{ system.unsubscribe_url }}>, <mailto:stop@bakery.example?subject={{ system.unsubscribe_token }}>",
            context=Escape.HEADER,
            allowed=KEYS,
        ),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "c123:o9:campaign:engagex",
        "Precedence": "bulk",
        "List-Id": "Bäckerei Müller <news.bakery.example>",
    }
    url = "https://mail.bakery.example/u/" + "t" * 120
    values = {"system.unsubscribe_url": url, "system.unsubscribe_token": "u" * 60}

    raw = built(content(headers=headers, reply_to="Help@bäckerei.example"), recipient(**values))

    assert_well_formed(raw)
    message = parsed(raw)
    assert_one_click_unsubscribe(message)
    assert message["List-Unsubscribe"] == f"<{url}>, <mailto:stop@bakery.example?subject={'u' * 60}>"
    assert message["List-Id"] == "Bäckerei Müller <news.bakery.example>"
    assert message["Feedback-ID"] == "c123:o9:campaign:engagex"
    assert message["Reply-To"] == "Help@xn--bckerei-5wa.example"


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_build_line_breaker_anywhere_adds_no_header(breaker: str) -> None:
    evil = f"x{breaker}Bcc: victim@example.com"
    mail = content(
        subject=template("News ", Slot("contact.first_name", "", Escape.TEXT)),
        from_name=evil,
        headers={"X-Static": evil, "X-Merged": template("a ", Slot("contact.first_name", "", Escape.TEXT))},
    )
    message = parsed(built(mail, recipient(name=evil, **{"contact.first_name": evil})))
    assert "Bcc" not in message
    assert str(message["Subject"]).startswith("News x")


@pytest.mark.parametrize("name", ["Subject", "from", "Bcc", "Content-Type", "X Y", "X:", "X\r\nBcc", "", "Ü", ".X"])
def test_skeleton_forbidden_header_name_is_refused(name: str) -> None:
    with pytest.raises(HeaderProblem):
        MimeSkeleton(content(headers={name: "value"}))


def test_build_header_without_blank_over_998_octets_is_refused() -> None:
    headers = {"List-Unsubscribe": template("<", Slot("link.1", "", Escape.HEADER), ">")}
    with pytest.raises(HeaderProblem):
        built(content(headers=headers), recipient(**{"link.1": "https://x.example/" + "a" * 1000}))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("Ann.Lee+tag@Example.ORG", "Ann.Lee+tag@example.org"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah"),
        ("o'neil@example.org", "o'neil@example.org"),
    ],
)
def test_wire_address_writes_the_domain_as_a_labels(address: str, expected: str) -> None:
    assert wire_address(address) == expected


@pytest.mark.parametrize("address", ["zoë@example.org", "用户@example.org"])
def test_wire_address_non_ascii_local_part_is_refused_as_smtputf8(address: str) -> None:
    with pytest.raises(NonAsciiLocalPart) as refused:
        wire_address(address)
    assert refused.value.code == "smtputf8"


@pytest.mark.parametrize(
    "address",
    [
        *("", "ann", "@example.org", "ann@", "a b@example.org", "ann>@example.org", "a..b@example.org"),
        *("ann@exa mple.org", "ann@-x.example", "ann@example..org", "ann@exa\u2028mple.org"),
        *("ann@" + "a" * 64 + ".example", "a" * 65 + "@b.example", "a@" + "b.c" * 100),
        *("ann@example.org\r\nRCPT TO:<b@c.d>", "ann\r\n@example.org", "ann@example.org\n"),
    ],
)
def test_wire_address_anything_else_is_refused(address: str) -> None:
    with pytest.raises(AddressProblem) as refused:
        wire_address(address)
    assert refused.value.code == "invalid_address"


def test_header_text_long_plain_subject_is_folded_readably() -> None:
    text = " ".join(["word"] * 40)
    folded = header_text("Subject", text)
    assert "=?" not in folded
    assert all(len(line) <= 76 for line in f"Subject: {folded}".split("\r\n"))
    assert folded.replace("\r\n", "") == text


@given(st.text(alphabet=st.sampled_from("abcFrom .=~!\u00e9\t"), max_size=200))
@example("From here")
@example("x" * 75)
@example("x" * 76)
@example("." * 151)
def test_quoted_printable_of_plain_text_equals_the_general_code(text: str) -> None:
    """Behind a letter that needs a code nothing is plain: what follows it on its line must be encoded as before."""
    marked = quoted_printable("\u00e9\n" + text)
    assert marked == b"=C3=A9\r\n" + quoted_printable(text)


def test_file_goes_with_the_mail_and_every_line_fits() -> None:
    pdf = bytes(range(256)) * 40
    mail = content(attachments=(Attachment("report-2026.pdf", "application/pdf", pdf),))
    raw = built(mail, recipient())
    assert raw.endswith(b"--\r\n") and max(map(len, raw.split(b"\r\n"))) <= 78
    message: Any = message_from_bytes(raw, policy=policy.SMTP)
    assert message.get_content_type() == "multipart/mixed" and message.defects == []
    read, file = message.iter_parts()
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert (file.get_filename(), file.get_content(), file.get_content_disposition()) == (
        "report-2026.pdf",
        pdf,
        "attachment",
    )
    assert "Hello Zoe." in message.get_body(("html",)).get_content()


def test_file_whose_name_no_header_can_hold_is_refused() -> None:
    with pytest.raises(HeaderProblem):
        built(content(attachments=(Attachment('x"\r\nBcc: y', "application/pdf", b"x"),)), recipient())
