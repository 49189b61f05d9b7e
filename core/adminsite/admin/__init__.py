"""Admin classes that need several packages, and those of other people's apps in our style."""

from core.adminsite.admin import clients, jobs, people

__all__ = ["clients", "jobs", "people"]
