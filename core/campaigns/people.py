"""Somebody of an audience whom a finding is about."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Person:
    contact_id: UUID
    address: str
