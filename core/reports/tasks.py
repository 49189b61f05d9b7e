"""Background work of reports."""

from typing import Any
from uuid import UUID

from core.common.tasks import agency_task, enqueue, organization_task
from core.reports import services
from core.reports.mailing import send_report_mails


@organization_task(name="reports.make_file")
def make_file(*, organization_id: str, file_id: str) -> dict[str, Any]:
    """Write a report in one format."""
    return services.file_make(file_id=UUID(file_id))


@organization_task(name="reports.send_mails")
def send_mails(*, organization_id: str) -> dict[str, Any]:
    """Send the mails of a client's reports that are due."""
    return dict(send_report_mails(organization_id=UUID(organization_id)))


@organization_task(name="reports.run_definition")
def run_definition(*, organization_id: str, definition_id: str) -> dict[str, Any]:
    """Make and send a planned report whose moment has come."""
    return services.definition_run_due(definition_id=UUID(definition_id))


@agency_task(name="reports.send_due")
def send_due() -> dict[str, Any]:
    """Wake what is due: planned reports, mails, and files whose worker died; drop files nobody can fetch."""
    due = services.due_definitions()
    for organization_id, definition_id in due:
        enqueue(run_definition, organization_id=organization_id, definition_id=definition_id)
    clients = services.due_mail_clients()
    for client_id in clients:
        enqueue(send_mails, organization_id=client_id)
    stalled = services.stalled_files()
    for organization_id, file_id in stalled:
        enqueue(make_file, organization_id=organization_id, file_id=file_id)
    return {
        "planned": len(due),
        "clients_with_mails": len(clients),
        "files_resumed": len(stalled),
        "in_doubt": services.mails_give_up(),
        "files_dropped": services.files_let_go(),
    }
