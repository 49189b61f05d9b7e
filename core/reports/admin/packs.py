"""The history of reports: each with its frozen figures, files at any time, and who got it."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import register
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.moments import shown_moment
from core.common.tenancy import organization_scope
from core.reports import presentation as words
from core.reports import services
from core.reports.choices import CONTENT_TYPES, MAIL_COLORS, FileState, ReportFormat, ReportMailState
from core.reports.drafts import keep_draft, kept_draft
from core.reports.forms import PeopleForm
from core.reports.links import report_url
from core.reports.mailing import mail_problem
from core.reports.models import ReportFile, ReportMail, ReportPack
from core.reports.rendering import page_text
from core.reports.views import framed

_UNDER_WAY = (FileState.WAITING, FileState.MAKING)
_AGAIN = (ReportMailState.FAILED, ReportMailState.UNKNOWN)
_LINK_MOVES = ("withdraw", "open")
_OPEN_MAILS = (ReportMailState.WAITING, ReportMailState.SENDING)


@register(ReportPack)
class ReportPackAdmin(OrganizationModelAdmin):
    view_permission = Permission.RESULTS_EXPORT
    delete_permission = Permission.RESULTS_EXPORT

    list_display = ("report", "days", "sent", "people", "created_at", "prepared_by")
    list_filter = ("language",)
    list_select_related = ("organization",)
    search_fields = ("title",)
    actions_list = ("new_report",)
    list_before_template = "reports/tabs_of_history.html"
    empty_title = "No reports yet"
    empty_text = "A report puts a client's figures into words and pictures, in the client's own look. Build the first."
    empty_icon = "summarize"
    empty_way = ("Build a report", "admin:report_builder", Permission.RESULTS_EXPORT)

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ("reports/reports.css",)}

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("figures").annotate(mail_count=Count("mails"))

    @display(description="report", ordering="title")
    def report(self, obj: ReportPack) -> str:
        return obj.title or "Email report"

    @display(description="days", ordering="first_day")
    def days(self, obj: ReportPack) -> str:
        return words.days_words(obj)

    @display(description="sent", ordering="sent_at")
    def sent(self, obj: ReportPack) -> str:
        return shown_moment(obj.sent_at) if obj.sent_at else "not sent"

    @display(description="to")
    def people(self, obj: Any) -> str:
        return words.people_words(obj.mail_count) if obj.mail_count else "–"

    @action(description="New report", url_path="new-report", icon="add", permissions=["results_export"])
    def new_report(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:report_builder"))

    def get_custom_urls(self) -> Any:
        def plain(view: Any) -> Any:
            return lambda request, model_admin, **arguments: view(request, **arguments)

        views = {
            "frame": self._frame,
            "progress": self._progress,
            "send": self._send,
            "link": self._link,
            "again/<uuid:mail_id>": self._again,
            "file/<str:file_format>": self._file,
        }
        return tuple(
            (f"<uuid:pack_id>/{route}/", f"reports_reportpack_{route.partition('/')[0]}", plain(view))
            for route, view in views.items()
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        pack = self.get_object(request, object_id)
        if pack is None:
            return self._unknown_object(request, object_id)
        access_of(request).require(Permission.RESULTS_EXPORT, pack.organization_id)
        with organization_scope(pack.organization_id):
            return _rendered(self._page(request, "reports/pack.html", words.pack_title(pack), **self._context(pack)))

    def _context(self, pack: ReportPack) -> dict[str, Any]:
        files = {file.file_format: file for file in ReportFile.objects.filter(pack=pack).defer("content")}
        locks = services.format_locks(pack.organization_id)
        mails = list(ReportMail.objects.filter(pack=pack))
        return {
            "pack": pack,
            "days": words.days_words(pack),
            "rows": [_file_row(pack, one, files.get(one.value), locks.get(one, "")) for one in ReportFormat],
            "mails": [_mail_row(mail, pack) for mail in mails],
            "is_open": services.is_open(pack),
            "link": report_url(pack.pk),
            "is_moving": _is_moving(files.values(), mails),
            "mail_problem": mail_problem(pack.organization) if mails else "",
        }

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        base = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return TemplateResponse(request, template, {**base, **context})

    def _found(self, request: HttpRequest, pack_id: UUID) -> ReportPack:
        pack = self.get_queryset(request).select_related("organization").filter(pk=pack_id).first()
        if pack is None:
            raise Http404("There is no such report among your clients'.")
        access_of(request).require(Permission.RESULTS_EXPORT, pack.organization_id)
        return pack

    def _frame(self, request: HttpRequest, pack_id: UUID) -> HttpResponse:
        """The report as it was made, for the frame of its page."""
        pack = self._found(request, pack_id)
        with organization_scope(pack.organization_id):
            return framed(page_text(services.pack_document(pack)))

    def _progress(self, request: HttpRequest, pack_id: UUID) -> HttpResponse:
        pack = self._found(request, pack_id)
        with organization_scope(pack.organization_id):
            files = ReportFile.objects.filter(pack=pack).defer("content")
            is_moving = _is_moving(files, ReportMail.objects.filter(pack=pack))
        return JsonResponse({"is_moving": is_moving}, headers={"Cache-Control": "no-store"})

    def _file(self, request: HttpRequest, pack_id: UUID, file_format: str) -> HttpResponse:
        """POST has it written, GET hands it out."""
        pack = self._found(request, pack_id)
        if file_format not in ReportFormat.values:
            raise Http404(f"There is no format {file_format}.")
        wanted = ReportFormat(file_format)
        try:
            with organization_scope(pack.organization_id):
                if request.method == "POST":
                    services.files_ask(pack=pack, formats=[wanted])
                else:
                    return _download(pack, wanted)
        except DomainError as problem:
            messages.error(request, str(problem))
        return HttpResponseRedirect(_url(pack))

    def _send(self, request: HttpRequest, pack_id: UUID) -> HttpResponse:
        """Who gets it; then the numbers; then it goes."""
        pack = self._found(request, pack_id)
        with organization_scope(pack.organization_id):
            typed = request.POST if request.method == "POST" else kept_draft(request)
            form = PeopleForm(typed, organization=pack.organization)
            if request.method == "POST" and form.is_valid():
                people, attach_pdf = form.cleaned_data["recipients"], bool(form.cleaned_data.get("attach_pdf"))
                if not people:
                    form.add_error(None, "Choose at least one person who gets the report.")
                else:
                    return self._confirm_sending(request, pack, people, attach_pdf=attach_pdf)
            problem = mail_problem(pack.organization)
            context = {
                "pack": pack,
                "form": form,
                "problem": problem,
                "back_url": _url(pack),
                "days": words.days_words(pack),
            }
            return self._page(request, "reports/send.html", f"Send {words.pack_title(pack)}", **context).render()  # type: ignore[attr-defined]

    def _confirm_sending(
        self, request: HttpRequest, pack: ReportPack, people: list[services.Recipient], *, attach_pdf: bool
    ) -> HttpResponse:
        def perform() -> str:
            mails = services.pack_send(pack_id=pack.pk, recipients=people, attach_pdf=attach_pdf)
            return f"The report goes to {words.people_words(len(mails))}. Below you see what becomes of each mail."

        confirmation = Confirmation(
            title=f"Send this report of {pack.organization}?",
            submit_label=f"Send to {words.people_words(len(people))}",
            back_url=f"{reverse('admin:reports_reportpack_send', args=[pack.pk])}?draft={keep_draft(request)}",
            sentences=words.sending_sentences(pack, people, attach_pdf=attach_pdf),
            notes=(
                f"The link in the mail works for {services.LINK_DAYS} days and needs no login; you can withdraw it.",
                "The figures stay as they are in the report, whatever happens later.",
            ),
            problem=mail_problem(pack.organization),
            hidden=(
                ("others", "\n".join(map(str, people))),
                *((("attach_pdf", "on"),) if attach_pdf else ()),
                ("confirmed", "yes"),
            ),
        )
        is_confirmed = request.POST.get("confirmed") == "yes"
        response = self.confirmed(
            request, confirmation, perform=perform, done_url=_url(pack), is_confirmed=is_confirmed
        )
        return response.render() if isinstance(response, TemplateResponse) else response

    def _link(self, request: HttpRequest, pack_id: UUID) -> HttpResponse:
        """Withdraw the link, or make it work again: what the page asked for, whatever became of the link since. A
        second click on "Withdraw it" opens nothing."""
        pack = self._found(request, pack_id)
        with organization_scope(pack.organization_id):
            asked = request.POST.get("link", "")
            is_open = asked == "withdraw" if asked in _LINK_MOVES else services.is_open(pack)
            until = f"for {services.LINK_DAYS} days from now"
            sentence = (
                f"Whoever opens the link to “{words.pack_title(pack)}” sees that it is no longer here. Mails that wait "
                "are not sent."
                if is_open
                else f"Whoever has the link to “{words.pack_title(pack)}” can read the report {until}."
            )
            confirmation = Confirmation(
                title="Withdraw the link?" if is_open else "Open a link to this report?",
                submit_label="Withdraw it" if is_open else "Open it",
                back_url=_url(pack),
                sentences=(sentence,),
                is_danger=is_open,
                hidden=(("link", "withdraw" if is_open else "open"),),
            )

            def perform() -> str:
                if is_open:
                    services.link_revoke(pack_id=pack.pk)
                    return "The link leads to the report no more."
                services.link_renew(pack_id=pack.pk)
                return f"The link works {until}."

            response = self.confirmed(
                request, confirmation, perform=perform, done_url=_url(pack), is_confirmed=asked in _LINK_MOVES
            )
            return _rendered(response)

    def _again(self, request: HttpRequest, pack_id: UUID, mail_id: UUID) -> HttpResponse:
        pack = self._found(request, pack_id)
        with organization_scope(pack.organization_id):
            mail = ReportMail.objects.filter(pk=mail_id, pack=pack).first()
            if mail is None:
                raise Http404("There is no such mail of this report.")
            confirmation = Confirmation(
                title=f"Send the report to {mail.email} once more?",
                submit_label="Send again",
                back_url=_url(pack),
                sentences=(f"{mail.get_state_display()}: {mail.words or 'no reason was given'}",),
                notes=("It may have arrived already.",) if mail.state == ReportMailState.UNKNOWN else (),
            )

            def perform() -> str:
                services.mail_send_again(mail_id=mail_id)
                return f"The mail to {mail.email} goes out once more."

            return _rendered(self.confirmed(request, confirmation, perform=perform, done_url=_url(pack)))

    def delete_model(self, request: HttpRequest, obj: ReportPack) -> None:
        with organization_scope(obj.organization_id):
            services.pack_delete(pack_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


def _rendered(response: HttpResponse) -> HttpResponse:
    """Pages are rendered while the client's scope is open."""
    return response.render() if isinstance(response, TemplateResponse) else response


def _url(pack: ReportPack) -> str:
    return reverse("admin:reports_reportpack_change", args=[pack.pk])


def _download(pack: ReportPack, file_format: ReportFormat) -> HttpResponse:
    content = services.file_fetch(pack=pack, file_format=file_format)
    response = HttpResponse(content, content_type=CONTENT_TYPES[file_format])
    response["Content-Disposition"] = f'attachment; filename="{words.file_name(pack, file_format)}"'
    response["Cache-Control"] = "private, no-store"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _file_row(pack: ReportPack, file_format: ReportFormat, file: ReportFile | None, lock: str) -> dict[str, Any]:
    return {
        "label": file_format.label,
        "url": reverse("admin:reports_reportpack_file", args=[pack.pk, file_format.value]),
        "is_ready": file is not None and file.state == FileState.READY,
        "is_under_way": file is not None and file.state in _UNDER_WAY,
        "problem": file.problem if file else "",
        "lock": lock,
    }


def _mail_row(mail: ReportMail, pack: ReportPack) -> dict[str, Any]:
    may_again = mail.state in _AGAIN
    return {
        "mail": mail,
        "color": MAIL_COLORS[ReportMailState(mail.state)],
        "when": shown_moment(mail.done_at) if mail.done_at else "",
        "again_url": reverse("admin:reports_reportpack_again", args=[pack.pk, mail.pk]) if may_again else "",
    }


def _is_moving(files: Any, mails: Any) -> bool:
    return any(file.state in _UNDER_WAY for file in files) or any(mail.state in _OPEN_MAILS for mail in mails)
