"""What a check says of records as they are found in the wild, asked of a real name server."""

import pytest

from core.domains.checks import check_domain
from core.domains.dns import DnsResolver
from core.domains.models import SendingDomain
from tests.support.dns_server import DnsServer


def found(domain: SendingDomain, server: DnsServer, kind: str) -> tuple[str, str]:
    """State and words of one record."""
    records = {record["kind"]: record for record in check_domain(domain, DnsResolver([server.address]))}
    return records[kind]["state"], records[kind]["words"]


def test_check_right_records_are_right_whatever_their_pieces(published: SendingDomain, server: DnsServer) -> None:
    assert len(server.texts[f"{published.selector}._domainkey.florist.example"][0]) > 255
    assert {kind: found(published, server, kind)[0] for kind in ("dkim", "spf", "dmarc")} == {
        "dkim": "ok",
        "spf": "ok",
        "dmarc": "ok",
    }


def test_check_nothing_published_is_missing(domain: SendingDomain, server: DnsServer) -> None:
    assert {kind: found(domain, server, kind)[0] for kind in ("dkim", "spf", "dmarc")} == {
        "dkim": "missing",
        "spf": "missing",
        "dmarc": "missing",
    }


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("v=DKIM1; k=rsa; p=", "withdrawn"),
        ("v=DKIM1; k=rsa; p=MIIBIjANBg", "Another key"),
        ("v=DKIM1; t=y; p={key}", "only a test"),
    ],
)
def test_check_dkim_wrong_says_why(published: SendingDomain, server: DnsServer, record: str, words: str) -> None:
    host = f"{published.selector}._domainkey.florist.example"
    server.texts[host] = [record.format(key=published.public_key)]
    state, said = found(published, server, "dkim")
    assert state == "wrong"
    assert words in said


def test_check_dkim_with_blanks_inside_the_key_is_right(published: SendingDomain, server: DnsServer) -> None:
    key = f"{published.public_key[:100]} {published.public_key[100:]}"
    server.texts[f"{published.selector}._domainkey.florist.example"] = [f"k=rsa ;\tp={key} ; v=DKIM1"]
    assert found(published, server, "dkim")[0] == "ok"


def test_check_two_keys_under_one_name_is_wrong(published: SendingDomain, server: DnsServer) -> None:
    server.texts[f"{published.selector}._domainkey.florist.example"].append("v=DKIM1; p=MIIBIjANBg")
    assert found(published, server, "dkim")[0] == "wrong"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["v=spf1 mx ~all", "v=spf1 a -all"], "2 SPF records"),
        (["v=spf1 +all"], "everybody"),
        (["v=spf1 all"], "everybody"),
        (["v=spf1 include:gone.example ~all"], "gone.example, which has no valid SPF record"),
        (["v=spf1 include:florist.example ~all"], "leads back to itself"),
        (["v=spf1 nonsense:x ~all"], "no part of an SPF record"),
        (["v=spf1 " + " ".join(f"a:h{n}.example" for n in range(11)) + " ~all"], "more than 10 questions"),
    ],
)
def test_check_spf_wrong_says_why(published: SendingDomain, server: DnsServer, texts: list[str], words: str) -> None:
    server.texts["florist.example"] = texts
    state, said = found(published, server, "spf")
    assert state == "wrong"
    assert words in said


def test_check_spf_counts_the_questions_of_what_is_included(published: SendingDomain, server: DnsServer) -> None:
    server.texts["florist.example"] = ["v=spf1 include:one.example include:two.example ~all"]
    server.texts["one.example"] = ["v=spf1 " + " ".join(f"a:h{n}.example" for n in range(4)) + " ~all"]
    server.texts["two.example"] = ["v=spf1 " + " ".join(f"mx:h{n}.example" for n in range(4)) + " -all"]
    assert found(published, server, "spf")[0] == "ok"
    server.texts["two.example"] = ["v=spf1 " + " ".join(f"mx:h{n}.example" for n in range(5)) + " -all"]
    assert "more than 10" in found(published, server, "spf")[1]


def test_check_spf_must_include_us_where_the_agency_says_so(
    published: SendingDomain, server: DnsServer, settings: object
) -> None:
    settings.SPF_INCLUDE = "spf.agency.example"  # type: ignore[attr-defined]
    assert "include:spf.agency.example" in found(published, server, "spf")[1]
    server.texts["spf.agency.example"] = ["v=spf1 ip4:192.0.2.1 ~all"]
    server.texts["florist.example"] = ["v=spf1 include:other.example ~all"]
    server.texts["other.example"] = ["v=spf1 include:SPF.agency.example ~all"]
    assert found(published, server, "spf")[0] == "ok"


@pytest.mark.parametrize(
    ("name", "texts", "state", "words"),
    [
        ("_dmarc.florist.example", ["v=DMARC1; p=reject"], "ok", "reject"),
        ("_dmarc.florist.example", ["v=DMARC1"], "wrong", "no policy"),
        ("_dmarc.florist.example", ["v=DMARC1; p=nothing"], "wrong", "no policy"),
        ("_dmarc.florist.example", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], "wrong", "2 policies"),
        ("_dmarc.florist.example", ["v=DMARC10; p=none"], "missing", "Publish"),
    ],
)
def test_check_dmarc(
    published: SendingDomain, server: DnsServer, name: str, texts: list[str], state: str, words: str
) -> None:
    server.texts[name] = texts
    assert found(published, server, "dmarc")[0] == state
    assert words in found(published, server, "dmarc")[1]


def test_check_dmarc_of_the_domain_above_counts(published: SendingDomain, server: DnsServer) -> None:
    published.name = "news.mail.florist.example"
    server.texts["_dmarc.florist.example"] = ["v=DMARC1; p=reject; sp=quarantine"]
    state, words = found(published, server, "dmarc")
    assert state == "ok"
    assert "of florist.example is quarantine" in words


@pytest.mark.parametrize("fault", ["failing", "silent"])
def test_check_without_an_answer_is_unknown_not_missing(
    published: SendingDomain, server: DnsServer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.domains.dns.QUESTION_SECONDS", 0.4)
    getattr(server, fault).update(server.texts)
    assert {found(published, server, kind)[0] for kind in ("dkim", "spf", "dmarc")} == {"unknown"}


def test_check_shows_what_strangers_wrote_cut_short_and_printable(published: SendingDomain, server: DnsServer) -> None:
    server.texts["florist.example"] = ["v=spf1 \x1b[31m<script>" + "x" * 2_000]
    record = next(r for r in check_domain(published, DnsResolver([server.address])) if r["kind"] == "spf")
    assert len(record["found"]) == 500
    assert record["found"].isprintable()
