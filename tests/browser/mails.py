"""What a recipient's mail program does with a mail: open it, follow a link, unsubscribe with one click."""

import http.client
import re
import urllib.request
from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urlsplit

from tests.support.smtp_server import AcceptedMail

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"


def parsed(mail: AcceptedMail) -> EmailMessage:
    message = message_from_bytes(mail.raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def recipients(mails: list[AcceptedMail]) -> list[str]:
    return [address for mail in mails for address in mail.recipients]


def load_pictures(mail: AcceptedMail) -> None:
    """Fetch the open pixel as a browser would."""
    answer = _get(_address_in_html(mail, "/o/"))
    assert (answer.status, answer.getheader("Content-Type")) == (200, "image/gif")


def follow_first_link(mail: AcceptedMail) -> str:
    """The address that the first counted link leads on to. It is not fetched: it lies outside this machine."""
    answer = _get(_address_in_html(mail, "/c/"))
    assert answer.status == 302
    return answer.getheader("Location", "")


def unsubscribe_with_one_click(mail: AcceptedMail) -> None:
    """RFC 8058: a POST of exactly this body to the https (here http) URI of the header, without cookies."""
    headers = parsed(mail)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.search(r"<(http[^>]+)>", str(headers["List-Unsubscribe"]))
    assert found
    with urllib.request.urlopen(found[1], data=b"List-Unsubscribe=One-Click", timeout=10) as answer:
        assert answer.status == 200


def _address_in_html(mail: AcceptedMail, kind: str) -> str:
    html = parsed(mail).get_body(("html",))
    assert html
    found = re.search(rf'"(http://127\.0\.0\.1:\d+{kind}[^"]+)"', html.get_content())
    assert found
    return found[1]


def _get(address: str) -> http.client.HTTPResponse:
    """One GET with a browser's user agent; a redirect is not followed."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    connection.request("GET", place.path, headers={"User-Agent": BROWSER, "Accept-Language": "es"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer
