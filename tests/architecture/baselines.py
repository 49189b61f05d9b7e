"""Committed figures that a test compares with. `UPDATE_BASELINES=1 make test` writes them anew; review the diff."""

import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def compare_with_baseline(name: str, seen: Any) -> None:
    path = FOLDER / f"{name}.json"
    if os.environ.get("UPDATE_BASELINES"):
        path.write_text(json.dumps(seen, indent=2, sort_keys=True) + "\n")
    assert seen == json.loads(path.read_text())
