"""What can go wrong with embedded services, in sentences for the person at the terminal."""

from pathlib import Path


class EmbeddedServicesError(Exception):
    """An embedded service cannot do its work; ``str(error)`` says why and what to do."""


class AlreadyRunning(EmbeddedServicesError):
    """Another process holds the data directory."""

    def __init__(self, data_dir: Path, holder: str) -> None:
        super().__init__(
            f"EngageX is already running on {data_dir}: {holder}. "
            "Stop it first (Ctrl-C in its terminal), or choose another directory with ENGAGEX_DATA_DIR."
        )
