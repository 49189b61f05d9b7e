"""Report packs: what a client is to get when (definitions), what was made (packs with frozen figures), who got it."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.common.validators import validate_one_line
from core.reports.choices import FileState, Frequency, Language, Period, ReportFormat, ReportMailState

LONGEST_NOTE = 2_000


class ReportContent(models.Model):
    """What is in a report: shared by what is planned and what was made."""

    title = models.CharField(max_length=100, blank=True, validators=[validate_one_line])
    language = models.CharField(max_length=2, choices=Language, default=Language.ENGLISH)
    sections = ArrayField(models.CharField(max_length=20))
    note = models.TextField("note to the client", max_length=LONGEST_NOTE, blank=True)

    class Meta:
        abstract = True


class ReportDefinition(UUIDModel, TimeStamped, OrganizationOwned, ReportContent):
    """A report that is kept to be made again, by hand or by itself.

    `recipients` is a list of {"name", "email"}. `frequency` with `day` and `hour` is a periods.Plan in the client's
    zone; `next_due_at` is None while nothing is planned or the plan is paused.
    """

    name = models.CharField(max_length=100, validators=[validate_one_line])
    period = models.CharField("days", max_length=12, choices=Period, default=Period.LAST_MONTH)
    first_day = models.DateField("from", null=True, blank=True)
    last_day = models.DateField("to", null=True, blank=True)
    formats = ArrayField(models.CharField(max_length=4, choices=ReportFormat))
    recipients = models.JSONField(default=list, blank=True)
    frequency = models.CharField("goes out", max_length=7, choices=Frequency, default=Frequency.NEVER, blank=True)
    day = models.PositiveSmallIntegerField(default=1, validators=[MaxValueValidator(31)])
    hour = models.PositiveSmallIntegerField(default=8, validators=[MaxValueValidator(23)])
    attach_pdf = models.BooleanField("attach the PDF", default=True)
    next_due_at = models.DateTimeField("next", null=True, blank=True)
    paused_at = models.DateTimeField("paused", null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta(OrganizationOwned.Meta):
        verbose_name = "planned report"
        ordering = ["name", "id"]
        constraints = [
            tenant_key("reports_definition"),
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="reports_definition_name_once",
                violation_error_message="This client has a report of that name already.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_due_at"],
                name="reports_definition_due",
                condition=models.Q(next_due_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.name


class ReportPack(UUIDModel, OrganizationOwned, ReportContent):
    """A report that was made. Its figures and its look are frozen: its files can be written again, and say the same.

    `figures` is a figures.Figures as JSON, `brand` holds name, colour and the name of the logo (logos are kept for
    good). `due_on` names the period of a planned report, None for one made by hand: a plan makes one a period.
    """

    definition = models.ForeignKey(
        ReportDefinition,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="packs",
        db_constraint=False,
        db_index=False,
    )
    due_on = models.DateField(null=True, blank=True)
    first_day = models.DateField("from")
    last_day = models.DateField("to")
    figures = models.JSONField()
    brand = models.JSONField()
    prepared_by = models.CharField(max_length=150, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField("made", auto_now_add=True)
    sent_at = models.DateTimeField("sent", null=True, blank=True)
    link_expires_at = models.DateTimeField("link works until", null=True, blank=True)
    link_revoked_at = models.DateTimeField("link withdrawn", null=True, blank=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "report"
        ordering = ["-id"]
        constraints = [
            tenant_key("reports_pack"),
            SameOrganization(field="definition", name="reports_pack_definition_same_org"),
            models.UniqueConstraint(fields=["definition", "due_on"], name="reports_pack_once_a_period"),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="reports_pack_newest")]

    def __str__(self) -> str:
        return f"{self.title or 'Report'} {self.first_day} – {self.last_day}"


class ReportFile(UUIDModel, OrganizationOwned):
    """A pack in one format. Written by a worker, dropped when nobody can fetch it any more, and written again when
    somebody asks."""

    pack = models.ForeignKey(
        ReportPack, on_delete=models.CASCADE, related_name="files", db_constraint=False, db_index=False
    )
    file_format = models.CharField("format", max_length=4, choices=ReportFormat)
    state = models.CharField(max_length=8, choices=FileState, default=FileState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(auto_now_add=True)
    problem = models.CharField(max_length=300, blank=True)
    content = models.BinaryField(default=b"")

    class Meta(OrganizationOwned.Meta):
        verbose_name = "file of a report"
        verbose_name_plural = "files of reports"
        ordering = ["file_format"]
        constraints = [
            tenant_key("reports_file"),
            SameOrganization(field="pack", name="reports_file_pack_same_org"),
            models.UniqueConstraint(fields=["pack", "file_format"], name="reports_file_once"),
        ]
        indexes = [
            models.Index(
                fields=["heartbeat_at"],
                name="reports_file_waiting",
                condition=models.Q(state__in=("waiting", "making")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.pack_id} as {self.file_format.upper()}"


class ReportMail(UUIDModel, OrganizationOwned):
    """The mail that brings one person the link to a pack, and with `attach_pdf` the PDF. Taken in hand (`sending`)
    before it is handed over: a worker that dies meanwhile leaves it in doubt, and it is never sent twice by itself.

    `attach_pdf` is a wish until the mail is out, and then says whether the PDF went with it.
    """

    pack = models.ForeignKey(
        ReportPack, on_delete=models.CASCADE, related_name="mails", db_constraint=False, db_index=False
    )
    name = models.CharField(max_length=150, blank=True)
    email = models.EmailField("address")
    attach_pdf = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=ReportMailState, default=ReportMailState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    words = models.CharField("what the provider said", max_length=500, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "mail with a report"
        verbose_name_plural = "mails with reports"
        ordering = ["id"]
        constraints = [
            tenant_key("reports_mail"),
            SameOrganization(field="pack", name="reports_mail_pack_same_org"),
            models.UniqueConstraint(fields=["pack", "email"], name="reports_mail_once"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="reports_mail_due",
                condition=models.Q(state__in=("waiting", "sending")),
            )
        ]

    def __str__(self) -> str:
        return self.email
