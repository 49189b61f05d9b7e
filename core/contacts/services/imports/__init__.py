"""The steps of an import: upload, choices, confirm (drafts); read, count, run, pause, cancel, undo (runs)."""

from core.contacts.services.imports.drafts import import_confirm, import_map, import_upload
from core.contacts.services.imports.runs import (
    import_cancel,
    import_count,
    import_pause,
    import_read,
    import_resume,
    import_run,
    import_undo,
    import_undo_run,
)

__all__ = [
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
]
