"""One row of every tenant model for a client, with a word in every text that must never show up elsewhere."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils import timezone

from core.accounts import audit
from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, OrganizationLogo, OrganizationMembership, User
from core.campaigns.models import (
    ABTest,
    Approval,
    ApprovalComment,
    Campaign,
    CampaignGroup,
    CampaignLink,
    CampaignSegment,
    CampaignSnapshot,
    CampaignVariant,
)
from core.campaigns.states import ApprovalStage, CampaignStatus
from core.common.tenancy import organization_scope
from core.contacts.choices import BulkKind, ConsentChange, ImportStatus, SuppressionKind
from core.contacts.models import (
    BulkChange,
    ColumnChoice,
    ConsentEvent,
    Contact,
    ContactField,
    ContactGroup,
    ContactGroupMembership,
    ContactImport,
    ContactSearch,
    ContactTag,
    ImportedChunk,
    ImportPart,
    RefusedRow,
    Segment,
    SignupForm,
    SignupFormGroup,
    SignupRequest,
    Suppression,
    SuppressionList,
)
from core.contacts.suppression_keys import suppression_key
from core.delivery.models import (
    Connection,
    DailyCount,
    DeliveryBatch,
    MailTest,
    Message,
    MessageValues,
    Rehearsal,
    SandboxMail,
    SendAttempt,
    StreamStop,
)
from core.delivery.states import BatchState, SendState
from core.domains.models import DomainCheck, SendingDomain
from core.email_templates.models import EmailTemplate, EmailTemplateVersion, TemplateBlock, TemplateBlockVersion
from core.exports.choices import ExportStatus
from core.exports.models import ExportPart, ListExport
from core.reports.choices import FileState, Period, ReportMailState, Section
from core.reports.models import ReportDefinition, ReportFile, ReportMail, ReportPack
from core.reports.services import ReportSpec, pack_make
from core.subscriptions.choices import Metric
from core.subscriptions.models import Subscription, Usage
from core.subscriptions.usage import month_of
from core.tracking.choices import (
    AlertKind,
    DeadReason,
    EventType,
    Part,
    PeriodLength,
    PeriodPart,
    PostState,
    Verdict,
)
from core.tracking.models import (
    AcceptedDay,
    AnalyticsEvent,
    AudienceCohort,
    AudienceCount,
    AudienceDay,
    AudienceGroup,
    AudienceMonth,
    CampaignHour,
    CampaignPart,
    CampaignRecount,
    DeadEvent,
    LinkClicks,
    OrganizationPeriod,
    OrganizationWeekday,
    Reply,
    SendingAlert,
    WebhookEndpoint,
    WebhookPost,
)
from tests.support import factories

Rows = dict[type[models.Model], Any]


@dataclass(frozen=True)
class Client:
    """A client with one row of everything (`rows` by model) and a user in each role of it."""

    organization: Organization
    word: str
    rows: Rows
    users: dict[Role, User]


def make_client(word: str) -> Client:
    """A client whose every text holds `word`. Two of them have identical shape."""
    organization = factories.make_organization(
        f"{word} Shop", plan=factories.make_plan(max_emails=10_000), color="#0072b2"
    )
    organization.postal_address = f"1 {word} Street"
    with organization_scope(organization):
        organization.save()
        users = {
            role: factories.make_user(
                role, organization, full_name=f"{word} {role.label}", email=f"{role}@{word.lower()}.example"
            )
            for role in Role
        }
        rows = _audience_rows(organization, word, users[Role.MANAGER])
        rows |= _campaign_rows(organization, word, rows)
        rows |= _domain_rows(organization, word)
        rows |= _delivery_rows(organization, word, rows)
        rows |= _tracking_rows(organization, rows)
        rows |= _account_rows(organization, word, rows)
        rows |= _export_rows(organization, word, users[Role.MANAGER])
        rows |= _report_rows(organization, word, users[Role.MANAGER])
    return Client(organization, word, rows, users)


def add_rows(client: Client, number: int) -> None:
    """More rows of everything that a client may have many of, for lists with something in them."""
    for index in range(number):
        word = f"{client.word}{index}"
        with organization_scope(client.organization):
            rows = _audience_rows(client.organization, word, client.users[Role.MANAGER])
            rows |= _campaign_rows(client.organization, word, rows)
            rows |= _domain_rows(client.organization, word)
            rows |= _delivery_rows(client.organization, word, rows)
            _tracking_rows(client.organization, rows)
            audit.record(action="campaign.sent", obj=rows[Campaign])
            factories.make_user(Role.VIEWER, client.organization, full_name=word)


def _audience_rows(organization: Organization, word: str, user: User) -> Rows:
    contact = factories.make_contact(
        organization,
        f"{word.lower()}@people.example",
        first_name=word,
        last_name=word,
        company=word,
        phone=f"+34 {word}",
        source=word,
        attributes={"city": word},
        tags=[word],
        consent_source=word,
    )
    group = factories.make_group(organization, f"Group {word}", [contact])
    contact_import = ContactImport.objects.create(
        organization=organization,
        file_name=f"{word}.csv",
        columns=[{"header": "email", "field": "email"}, {"header": word, "field": "first_name"}],
        group_ids=[group.pk],
        tags=[word],
        consent_source=word,
        created_by=user,
        status=ImportStatus.DONE,
        rows_total=2,
        rows_done=2,
        created_count=1,
        refused_count=1,
        problem=word,
        started_at=timezone.now(),
        finished_at=timezone.now(),
    )
    form = SignupForm.objects.create(
        organization=organization, name=f"Form {word}", title=word, introduction=word, consent_text=word
    )
    return {
        BulkChange: BulkChange.objects.create(
            organization=organization, kind=BulkKind.ADD_TAGS, title=word, values={"tags": [word]}, created_by=user
        ),
        ColumnChoice: ColumnChoice.objects.create(
            organization=organization, header_key=word.lower(), field="first_name"
        ),
        ConsentEvent: ConsentEvent.objects.create(
            organization=organization,
            contact=contact,
            change=ConsentChange.GIVEN,
            source=word,
            wording=word,
            occurred_at=timezone.now(),
        ),
        ContactField: ContactField.objects.create(organization=organization, key=word.lower(), label=word),
        ContactSearch: ContactSearch.objects.create(organization=organization, contact=contact, text=contact.email_key),
        ContactTag: ContactTag.objects.create(organization=organization, name=word),
        ImportPart: ImportPart.objects.create(
            organization=organization, contact_import=contact_import, number=1, row_count=0, content=word.encode()
        ),
        ImportedChunk: ImportedChunk.objects.create(
            organization=organization,
            contact_import=contact_import,
            number=1,
            written_at=timezone.now(),
            created_ids=[contact.pk],
        ),
        Segment: Segment.objects.create(organization=organization, name=f"Segment {word}", description=word),
        SignupForm: form,
        SignupFormGroup: SignupFormGroup.objects.create(organization=organization, form=form, group=group),
        SignupRequest: SignupRequest.objects.create(
            organization=organization,
            form=form,
            email=f"asks-{word.lower()}@people.example",
            email_key=f"asks-{word.lower()}@people.example",
            consent_text=word,
        ),
        Contact: contact,
        ContactGroup: group,
        ContactGroupMembership: ContactGroupMembership.objects.get(group=group),
        ContactImport: contact_import,
        RefusedRow: RefusedRow.objects.create(
            organization=organization, contact_import=contact_import, row_number=2, values=[word, word], reason=word
        ),
        SuppressionList: SuppressionList.objects.create(
            organization=organization, file_name=f"{word}.csv", content=word.encode(), refused=word.encode(), note=word
        ),
        Suppression: Suppression.objects.create(
            organization=organization,
            email=f"no-{word.lower()}@people.example",
            key=suppression_key(SuppressionKind.ADDRESS, f"no-{word.lower()}@people.example"),
            note=word,
        ),
    }


def _export_rows(organization: Organization, word: str, user: User) -> Rows:
    list_export = ListExport.objects.create(
        organization=organization,
        model_label="contacts.contact",
        title=word,
        query=f"q={word}",
        columns=["email"],
        created_by=user,
        status=ExportStatus.DONE,
        rows_done=1,
        bytes_total=len(word),
        finished_at=timezone.now(),
        expires_at=timezone.now() + datetime.timedelta(days=1),
    )
    part = ExportPart.objects.create(
        organization=organization, list_export=list_export, number=1, content=word.encode()
    )
    return {ListExport: list_export, ExportPart: part}


def _report_rows(organization: Organization, word: str, user: User) -> Rows:
    content = {"title": word, "note": word, "sections": [Section.SUMMARY.value]}
    definition = ReportDefinition.objects.create(
        organization=organization,
        name=f"Report {word}",
        formats=["html"],
        recipients=[{"name": word, "email": f"{word.lower()}@client.example"}],
        created_by=user,
        **content,
    )
    day = datetime.date(2026, 10, 1)
    spec = ReportSpec(organization, Period.CUSTOM, (Section.SUMMARY.value,), "en", word, word, day, day)
    pack = pack_make(spec=spec, user=user)
    file = ReportFile.objects.create(
        organization=organization, pack=pack, file_format="html", state=FileState.READY, content=word.encode()
    )
    mail = ReportMail.objects.create(
        organization=organization,
        pack=pack,
        name=word,
        email=f"{word.lower()}@client.example",
        state=ReportMailState.FAILED,
        words=word,
    )
    return {ReportDefinition: definition, ReportPack: pack, ReportFile: file, ReportMail: mail}


def _campaign_rows(organization: Organization, word: str, rows: Rows) -> Rows:
    template = factories.make_template(organization, f"Template {word}", subject=f"Subject {word}", preheader=word)
    campaign = factories.make_campaign(
        organization,
        group=rows[ContactGroup],
        name=f"Campaign {word}",
        template=template,
        subject=f"Subject {word}",
        preheader=word,
        status=CampaignStatus.SENDING,
        started_at=timezone.now(),
    )
    snapshot = CampaignSnapshot.objects.create(
        organization=organization,
        campaign=campaign,
        subject=f"Subject {word}",
        html=f'<p>{word}</p><a href="{{{{ link.1 }}}}">x</a><a href="{{{{ system.unsubscribe_url }}}}">u</a>',
        text=word,
        from_name=word,
        from_email=organization.default_from_email,
        organization_values={"organization.name": organization.name, "organization.postal_address": word},
        merge_keys=[],
        audience={"included": [{"id": str(rows[ContactGroup].pk), "name": word}], "excluded": []},
        content_hash="0" * 64,
    )
    link = CampaignLink.objects.create(
        organization=organization, campaign=campaign, number=1, url=f"https://{word.lower()}.example/"
    )
    approval = Approval.objects.create(
        organization=organization,
        campaign=campaign,
        stage=ApprovalStage.CLIENT,
        content_hash="0" * 64,
        note=word,
        approver_name=word,
        approver_email=f"{word.lower()}@client.example",
        answer=word,
    )
    block = TemplateBlock.objects.create(
        organization=organization, name=f"Block {word}", key=f"block_{word.lower()}", html=f"<p>{word}</p>"
    )
    return {
        ABTest: ABTest.objects.create(organization=organization, campaign=campaign, decision={"note": word}),
        Approval: approval,
        ApprovalComment: ApprovalComment.objects.create(
            organization=organization, approval=approval, author_name=word, text=word
        ),
        CampaignVariant: CampaignVariant.objects.create(
            organization=organization, campaign=campaign, number=1, subject=f"Variant {word}", from_name=word
        ),
        EmailTemplate: template,
        EmailTemplateVersion: EmailTemplateVersion.objects.create(
            organization=organization,
            template=template,
            number=1,
            name=word,
            note=word,
            subject=word,
            preheader=word,
            html=f"<p>{word}</p>",
            text=word,
        ),
        TemplateBlock: block,
        TemplateBlockVersion: TemplateBlockVersion.objects.create(
            organization=organization,
            block=block,
            number=1,
            name=word,
            note=word,
            key=f"block_{word.lower()}",
            html=f"<p>{word}</p>",
        ),
        Campaign: campaign,
        CampaignGroup: CampaignGroup.objects.get(campaign=campaign),
        CampaignSegment: CampaignSegment.objects.create(
            organization=organization, campaign=campaign, segment=rows[Segment]
        ),
        CampaignSnapshot: snapshot,
        CampaignLink: link,
    }


def _domain_rows(organization: Organization, word: str) -> Rows:
    domain = SendingDomain.objects.create(
        organization=organization,
        name=f"{word}.example",
        selector=word,
        private_key=word,
        public_key=word,
        records=[{"kind": "dkim", "found": word, "state": "wrong", "words": word}],
    )
    check = DomainCheck.objects.create(
        organization=organization, domain=domain, status="pending", records=[{"kind": word, "state": word}]
    )
    return {SendingDomain: domain, DomainCheck: check}


def _delivery_rows(organization: Organization, word: str, rows: Rows) -> Rows:
    now = timezone.now()
    connection = Connection.objects.get(organization=organization)
    Connection.objects.filter(pk=connection.pk).update(name=f"Connection {word}", problem=word, host=f"{word}.example")
    batch = DeliveryBatch.objects.create(
        organization=organization,
        campaign=rows[Campaign],
        connection=connection,
        number=1,
        size=1,
        state=BatchState.SETTLED,
        due_at=now,
        worker=word,
        accepted_count=1,
        settled_at=now,
    )
    message = Message.objects.create(
        organization=organization,
        campaign=rows[Campaign],
        contact=rows[Contact],
        batch=batch,
        send_state=SendState.ACCEPTED,
        words=word,
        accepted_at=now - datetime.timedelta(minutes=5),
        provider_message_id=word,
    )
    values = MessageValues.objects.create(
        organization=organization, message=message, address=rows[Contact].email, values={"contact.first_name": word}
    )
    rehearsal = Rehearsal.objects.create(
        organization=organization,
        campaign=rows[Campaign],
        state="done",
        content_hash="0" * 64,
        people_total=1,
        people_done=1,
        tally={"mails": 1, "unbuilt": {word: 1}, "unbuilt_people": {word: [str(rows[Contact].pk)]}},
        problem=word,
    )
    raw = f"From: {word}@shop.example\r\nTo: {word}@people.example\r\nSubject: {word}\r\n\r\n{word}\r\n"
    mail_test = MailTest.objects.create(
        organization=organization,
        run=message.pk,
        template=rows[EmailTemplate],
        campaign=rows[Campaign],
        address=f"{word}@agency.example",
        subject=f"[Test] {word}",
        words=word,
    )
    mail = SandboxMail.objects.create(
        organization=organization,
        message=message,
        recipient=rows[Contact].email,
        sender=f"{word}@shop.example",
        subject=f"Subject {word}",
        raw=raw.encode(),
    )
    daily = DailyCount.objects.create(organization=organization, subject_id=batch.pk, day=now.date(), allowed=9)
    stop = StreamStop.objects.create(
        organization=organization,
        campaign=rows[Campaign],
        domain=f"{word}.example",
        stopped_at=now,
        looked_at=200,
        bounced=20,
        complained=0,
        words=[[word, 20]],
        examples=[str(message.pk)],
    )
    attempt = SendAttempt.objects.create(
        organization=organization, batch=batch, fencing_token=1, message_ids=[message.pk], started_at=now, worker=word
    )
    return {
        Connection: connection,
        DeliveryBatch: batch,
        MailTest: mail_test,
        Message: message,
        MessageValues: values,
        Rehearsal: rehearsal,
        SandboxMail: mail,
        SendAttempt: attempt,
        DailyCount: daily,
        StreamStop: stop,
    }


def _tracking_rows(organization: Organization, rows: Rows) -> Rows:
    campaign, now = rows[Campaign], timezone.now()
    event = AnalyticsEvent.objects.create(
        organization=organization,
        message=rows[Message],
        campaign=campaign,
        contact=rows[Contact],
        link=rows[CampaignLink],
        type=EventType.CLICKED,
        verdict=Verdict.HUMAN,
        event_key=f"click-{rows[Message].pk}",
        occurred_at=now,
        seen={"user_agent": rows[Contact].first_name},
    )
    hour = CampaignHour.objects.create(
        organization=organization,
        campaign=campaign,
        hour=now.replace(minute=0, second=0, microsecond=0),
        type=EventType.CLICKED,
        verdict=Verdict.HUMAN,
        total=1,
        firsts=1,
    )
    clicks = LinkClicks.objects.create(
        organization=organization, campaign=campaign, link=rows[CampaignLink], verdict=Verdict.HUMAN, total=1, firsts=1
    )
    return {
        AnalyticsEvent: event,
        CampaignHour: hour,
        LinkClicks: clicks,
        CampaignPart: CampaignPart.objects.create(
            organization=organization,
            campaign=campaign,
            part=Part.DOMAIN,
            value=f"{rows[Contact].first_name}.example".lower(),
            type=EventType.OPENED,
            verdict=Verdict.HUMAN,
        ),
        OrganizationPeriod: OrganizationPeriod.objects.create(
            organization=organization,
            length=PeriodLength.DAY,
            start=datetime.date(2026, 11, 1),
            part=PeriodPart.SENDER,
            value=f"hello@{rows[Contact].first_name}.example",
            opened_people=1,
        ),
        CampaignRecount: CampaignRecount.objects.create(
            organization=organization, campaign=campaign, time_zone="UTC", next_at=now
        ),
        AcceptedDay: AcceptedDay.objects.create(
            organization=organization,
            campaign=campaign,
            day=now.date(),
            sender=f"hello@{rows[Contact].first_name}.example",
            provider="Other",
            total=1,
        ),
        **_audience_counts(organization, rows),
        **_webhook_rows(organization, rows),
        **_inbound_rows(organization, rows),
    }


def _inbound_rows(organization: Organization, rows: Rows) -> Rows:
    word, now = rows[Contact].first_name, timezone.now()
    reply = Reply.objects.create(
        organization=organization,
        message=rows[Message],
        campaign=rows[Campaign],
        contact=rows[Contact],
        event_key=f"reply:{rows[Message].pk}",
        sender=f"{word.lower()}@elsewhere.example",
        sender_name=word,
        subject=f"Re: {word}",
        text=word,
        received_at=now,
    )
    alert = SendingAlert.objects.create(
        organization=organization,
        kind=AlertKind.AUTH,
        domain=f"{word}.example".lower(),
        day=now.date(),
        campaign=rows[Campaign],
        words=word,
        count=1,
        first_seen=now,
        last_seen=now,
    )
    return {Reply: reply, SendingAlert: alert}


def _audience_counts(organization: Organization, rows: Rows) -> Rows:
    """One of each for a client, however often this is called: all but the group's go by the client alone."""
    day, month = datetime.date(2026, 11, 1), {"month": datetime.date(2026, 11, 1)}
    at = {"counted_at": timezone.now(), "recounted_on": day}
    word = rows[Contact].first_name
    days, _ = AudienceDay.objects.get_or_create(
        organization=organization, day=day, defaults={"joined": 1, "total": 1, "sources": {word: 1}}
    )
    whole, _ = AudienceMonth.objects.get_or_create(
        organization=organization, **month, defaults={"days": 1, "joined": 1, "total": 1, "sources": {word: 1}}
    )
    cohort, _ = AudienceCohort.objects.get_or_create(organization=organization, joined_in=day, never=1)
    count, _ = AudienceCount.objects.get_or_create(organization=organization, defaults=at)
    weekday, _ = OrganizationWeekday.objects.get_or_create(
        organization=organization, weekday=1, people=[1] * 24, machines=[0] * 24, **month
    )
    return {
        AudienceDay: days,
        AudienceMonth: whole,
        AudienceCohort: cohort,
        AudienceCount: count,
        AudienceGroup: AudienceGroup.objects.create(
            organization=organization, group=rows[ContactGroup], day=day, members=1
        ),
        OrganizationWeekday: weekday,
    }


def _webhook_rows(organization: Organization, rows: Rows) -> Rows:
    word = rows[Contact].first_name
    endpoint, _ = WebhookEndpoint.objects.get_or_create(
        organization=organization, connection=rows[Connection], defaults={"key": word}
    )
    post = WebhookPost.objects.create(
        organization=organization,
        endpoint=endpoint,
        body_hash=f"{word}{rows[Contact].pk.hex}"[:64],
        body=word.encode(),
        state=PostState.DONE,
        signed_at=timezone.now(),
        result={"events": 1, "new": 1},
    )
    dead = DeadEvent.objects.create(
        organization=organization,
        endpoint=endpoint,
        event_key=f"sg:{rows[Contact].pk.hex}",
        reason=DeadReason.NOT_OURS,
        words=word,
        event={"event": word},
    )
    return {WebhookEndpoint: endpoint, WebhookPost: post, DeadEvent: dead}


def _account_rows(organization: Organization, word: str, rows: Rows) -> Rows:
    audit_event = audit.record(action="campaign.sent", obj=rows[Campaign], changes={"name": [word, word]})
    usage = Usage.objects.create(
        organization=organization, metric=Metric.EMAILS, month=month_of(Metric.EMAILS), used=9_500
    )
    return {
        Organization: organization,
        OrganizationLogo: OrganizationLogo.objects.create(
            organization=organization,
            name=f"{word}.png",
            content_type="image/png",
            content=word.encode(),
            width=1,
            height=1,
        ),
        OrganizationMembership: OrganizationMembership.objects.filter(role=Role.MANAGER).get(),
        AuditEvent: audit_event,
        Subscription: Subscription.objects.get(),
        Usage: usage,
    }
