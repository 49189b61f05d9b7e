"""Every write of the audience. One transaction each, the audit row inside."""

from core.contacts.services.bulk import bulk_cancel, bulk_start
from core.contacts.services.contacts import (
    contact_add,
    contact_change,
    contact_resubscribe,
    contact_unsubscribe,
    contacts_delete,
    contacts_suppress,
    contacts_unsubscribe,
)
from core.contacts.services.fields import field_add, field_change, field_delete
from core.contacts.services.groups import group_add, group_add_contacts, group_remove_contacts
from core.contacts.services.imports import (
    import_cancel,
    import_confirm,
    import_count,
    import_map,
    import_pause,
    import_read,
    import_resume,
    import_run,
    import_undo,
    import_undo_run,
    import_upload,
)
from core.contacts.services.merge import contacts_merge
from core.contacts.services.refusals import refusals_lift, refusals_lift_request
from core.contacts.services.segments import segment_add, segment_add_to_group, segment_change, segment_count
from core.contacts.services.stops import contacts_stop
from core.contacts.services.suppressions import (
    agency_suppression_add,
    agency_suppression_remove,
    suppression_add,
    suppression_remove,
)
from core.contacts.services.tags import (
    contacts_add_tags,
    contacts_remove_tags,
    tag_add,
    tag_delete,
    tag_rename,
)

__all__ = [
    "agency_suppression_add",
    "agency_suppression_remove",
    "bulk_cancel",
    "bulk_start",
    "contact_add",
    "contact_change",
    "contact_resubscribe",
    "contact_unsubscribe",
    "contacts_add_tags",
    "contacts_delete",
    "contacts_merge",
    "contacts_remove_tags",
    "contacts_stop",
    "contacts_suppress",
    "contacts_unsubscribe",
    "field_add",
    "field_change",
    "field_delete",
    "group_add",
    "group_add_contacts",
    "group_remove_contacts",
    "import_cancel",
    "import_confirm",
    "import_count",
    "import_map",
    "import_pause",
    "import_read",
    "import_resume",
    "import_run",
    "import_undo",
    "import_undo_run",
    "import_upload",
    "refusals_lift",
    "refusals_lift_request",
    "segment_add",
    "segment_add_to_group",
    "segment_change",
    "segment_count",
    "suppression_add",
    "suppression_remove",
    "tag_add",
    "tag_delete",
    "tag_rename",
]
