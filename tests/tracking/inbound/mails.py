"""Mails that come back, as the big servers write them. `returned` are headers of the mail that we had sent."""

from uuid import UUID

from core.delivery.public_links import unsubscribe_url

PERSON = "ana@people.example"
DATE = "Mon, 04 May 2026 12:00:00 +0000"


def returned_headers(message_id: UUID, *, with_proof: bool = True) -> str:
    """As Postfix folds them: a long header gets a line of its own."""
    proof = f"List-Unsubscribe:\r\n <{unsubscribe_url(message_id)}>,\r\n <mailto:hello@florist.example>\r\n"
    return (
        "Date: Mon, 04 May 2026 11:59:00 +0000\r\n"
        f"Message-ID: <{message_id.hex}@florist.example>\r\n"
        "From: Florist <hello@florist.example>\r\n"
        f"To: {PERSON}\r\nSubject: Spring offer\r\n{proof if with_proof else ''}"
    )


def dsn(
    returned: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = f"smtp; 550 5.1.1 <{PERSON}>: Recipient address rejected: User unknown",
    to: str = "hello@florist.example",
    returned_type: str = "text/rfc822-headers",
    more_recipients: str = "",
    extra: str = "",
) -> bytes:
    """RFC 3464, as Postfix writes it."""
    return (
        f"Date: {DATE}\r\nFrom: MAILER-DAEMON@mx.people.example (Mail Delivery System)\r\nTo: {to}\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'{extra}Content-Type: multipart/report; report-type=delivery-status; boundary="B/1"\r\n\r\n'
        "This is a MIME-encapsulated message.\r\n\r\n--B/1\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
        f"This is the mail system at host mx.people.example.\r\n\r\n<{PERSON}>: {diagnostic}\r\n\r\n"
        "--B/1\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.people.example\r\nX-Postfix-Queue-ID: 4ZxQ0\r\n"
        f"\r\nFinal-Recipient: rfc822; {PERSON}\r\nOriginal-Recipient: rfc822;{PERSON}\r\nAction: {action}\r\n"
        f"Status: {status}\r\nRemote-MTA: dns; mx.people.example\r\nDiagnostic-Code: {diagnostic}\r\n{more_recipients}"
        f"\r\n--B/1\r\nContent-Type: {returned_type}\r\n\r\n{returned}\r\n\r\n--B/1--\r\n"
    ).encode()


def feedback(returned: str, *, kind: str = "abuse", to: str = "fbl@florist.example") -> bytes:
    """RFC 5965."""
    return (
        f"Date: {DATE}\r\nFrom: <feedback@mailbox.example>\r\nTo: <{to}>\r\nSubject: FW: Spring offer\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary="fb"\r\n\r\n'
        "--fb\r\nContent-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n\r\n"
        "--fb\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {kind}\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\nSource-IP: 192.0.2.1\r\n\r\n"
        f"--fb\r\nContent-Type: message/rfc822\r\n\r\n{returned}\r\nHello\r\n\r\n--fb--\r\n"
    ).encode()


def plain(
    text: str,
    *,
    to: str = "hello@florist.example",
    sender: str = f"Ana Díaz <{PERSON}>",
    subject: str = "Re: Spring offer",
    headers: str = "",
) -> bytes:
    return (
        f"Date: {DATE}\r\nFrom: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <one@people.example>\r\n"
        f"MIME-Version: 1.0\r\n{headers}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def daemon(text: str, returned: str, *, subject: str, sender: str, headers: str = "") -> bytes:
    """A bounce in the words of a server, with the mail below them."""
    return plain(f"{text}\r\n{returned}\r\nHello\r\n", subject=subject, sender=sender, headers=headers)


def known_bounces(returned: str) -> dict[str, tuple[bytes, str]]:
    """Per server: its bounce, and the class it stands for."""
    return {
        "postfix": (dsn(returned), "invalid_address"),
        "postfix no such domain": (
            dsn(
                returned,
                status="5.4.4",
                diagnostic="X-Postfix; Host or domain name not found. Name service error for type=AAAA",
            ),
            "domain_invalid",
        ),
        "sendmail full message": (
            dsn(
                f"{returned}\r\nHello",
                returned_type="message/rfc822",
                status="5.2.2",
                diagnostic="SMTP; 552 5.2.2 Mailbox full",
            ),
            "mailbox_full",
        ),
        "office 365": (
            dsn(
                returned,
                status="5.1.10",
                diagnostic="smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
                extra="X-MS-Exchange-Message-Is-Ndr:\r\n",
            ),
            "invalid_address",
        ),
        "office 365 directory": (
            dsn(
                returned,
                status="5.4.1",
                diagnostic="smtp;550 5.4.1 Recipient address rejected: Access denied. [AMS.eop.example]",
            ),
            "invalid_address",
        ),
        "outlook authentication": (
            dsn(
                returned,
                status="5.7.515",
                diagnostic="smtp;550 5.7.515 Access denied, sending domain does not meet the authentication level",
            ),
            "auth",
        ),
        "gmail": (
            dsn(
                returned,
                diagnostic="smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n"
                " 550-5.1.1 double-checking the recipient's email address",
                returned_type="message/rfc822",
                extra=f"X-Failed-Recipients: {PERSON}\r\n",
            ),
            "invalid_address",
        ),
        "exim": (
            daemon(
                "This message was created automatically by mail delivery software.\r\n\r\nA message that you sent "
                "could not be delivered to one or more of its\r\nrecipients. This is a permanent error. The following "
                f"address(es) failed:\r\n\r\n  {PERSON}\r\n    host mx.people.example [192.0.2.7]\r\n    SMTP error "
                "from remote mail server after RCPT TO:<ana@people.example>:\r\n    550 5.1.1 No such user here\r\n\r\n"
                "------ This is a copy of the message's headers. ------\r\n",
                returned,
                subject="Mail delivery failed: returning message to sender",
                sender="Mail Delivery System <Mailer-Daemon@mx.florist.example>",
                headers=f"X-Failed-Recipients: {PERSON}\r\nAuto-Submitted: auto-replied\r\n",
            ),
            "invalid_address",
        ),
        "qmail": (
            daemon(
                "Hi. This is the qmail-send program at people.example.\r\nI'm afraid I wasn't able to deliver your "
                "message to the following addresses.\r\nThis is a permanent error; I've given up. Sorry it didn't work "
                f"out.\r\n\r\n<{PERSON}>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n"
                "--- Below this line is a copy of the message.\r\n",
                returned,
                subject="failure notice",
                sender="MAILER-DAEMON@people.example",
            ),
            "invalid_address",
        ),
        "yahoo": (
            daemon(
                "Sorry, we were unable to deliver your message to the following address.\r\n\r\n"
                f"<{PERSON}>:\r\n554: delivery error: dd This user has no yahoo.example account [0] - mta\r\n\r\n"
                "--- Below this line is a copy of the message.\r\n",
                returned,
                subject="Failure Notice",
                sender="MAILER-DAEMON@yahoo.example",
            ),
            "undetermined",
        ),
        "exchange 2003": (
            daemon(
                "Your message did not reach some or all of the intended recipients.\r\n"
                "The following recipient(s) could not be reached:\r\n\r\n"
                "      ana on 5/4/2026 12:00 PM\r\n            The e-mail account does not exist at the organization "
                "this message was sent to.\r\n   <mx.people.example #5.1.1>\r\n\r\nOriginal message headers:\r\n",
                returned,
                subject="Undeliverable: Spring offer",
                sender="System Administrator <postmaster@people.example>",
            ),
            "invalid_address",
        ),
    }
