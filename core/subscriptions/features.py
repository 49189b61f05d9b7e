"""The registry of features a plan may switch on. A path that is not listed here is refused when a plan is saved."""

from typing import Any

from django.core.exceptions import ValidationError

AB_TESTING = "ab_testing.enabled"
CLIENT_APPROVAL = "approvals.client_link"
FEATURES: dict[str, str] = {
    "export_formats.csv": "Export lists as CSV and JSON",
    "export_formats.xlsx": "Export lists as XLSX",
    "export_formats.pdf": "Reports as PDF",
    "automation.enabled": "Sequences",
    AB_TESTING: "A/B tests",
    CLIENT_APPROVAL: "Approval by a link for the client",
    "content_studio.enabled": "Content studio",
}


def feature_paths(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten {"a": {"b": true}} to {"a.b": true}."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        path = f"{prefix}{name}"
        flat.update(feature_paths(value, f"{path}.") if isinstance(value, dict) else {path: value})
    return flat


def feature_document(paths: list[str]) -> dict[str, Any]:
    """The document that switches on these paths: ["a.b"] → {"a": {"b": true}}. The inverse of `feature_paths`."""
    document: dict[str, Any] = {}
    for path in paths:
        *parents, leaf = path.split(".")
        level = document
        for name in parents:
            level = level.setdefault(name, {})
        level[leaf] = True
    return document


def validate_features(document: Any) -> None:
    """Raise ValidationError for unknown paths and for values that are not true or false."""
    if not isinstance(document, dict):
        raise ValidationError('Features are a JSON object such as {"automation": {"enabled": true}}.')
    problems = []
    for path, value in feature_paths(document).items():
        if path not in FEATURES:
            problems.append(f"“{path}” is no known feature. Known are: {', '.join(sorted(FEATURES))}.")
        elif not isinstance(value, bool):
            problems.append(f"“{path}” must be true or false.")
    if problems:
        raise ValidationError(problems)
