"""The made-up clients' sending domains: one in order, one that broke, one that nobody has set up yet.

Their names end in .example, which no name server knows: the records are made up, and the periodic check leaves them be.
"""

from core.accounts.models import Organization
from core.adminsite.demo.stories import FLORIST, SOFTWARE, ClientStory
from core.domains.errors import NoSuchRecord
from core.domains.models import SendingDomain
from core.domains.records import expected_records
from core.domains.services import domain_add, domain_check


class MadeUpDns:
    """What the name servers would say."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def txt(self, name: str) -> list[str]:
        if name not in self._texts:
            raise NoSuchRecord(name)
        return [self._texts[name]]

    def cname(self, name: str) -> str:
        raise NoSuchRecord(name)


def story_domain(organization: Organization, story: ClientStory) -> None:
    """The client's domain as the story has it, once."""
    name = f"{story.slug}.example"
    if SendingDomain.objects.filter(name=name).exists():
        return
    domain = domain_add(organization=organization, name=name)
    texts = {record.host: record.value for record in expected_records(domain)}
    if story in (FLORIST, SOFTWARE):
        domain_check(domain_id=domain.pk, resolver=MadeUpDns(texts))
    if story is SOFTWARE:
        # Somebody moved the web site, and the new DNS has only half of what the old one had.
        moved = {host: text for host, text in texts.items() if "_domainkey" not in host} | {name: "v=spf1 +all"}
        domain_check(domain_id=domain.pk, resolver=MadeUpDns(moved))
