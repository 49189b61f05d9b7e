"""Segments: lists by rule. `rules` reads a rule, `compile` turns it into SQL, `sentence` into words."""

from core.contacts.segments.compile import people_sql, rule_sql
from core.contacts.segments.rules import check_rule, parse_rule, rule_json
from core.contacts.segments.sentence import rule_sentence, segment_sentences

__all__ = ["check_rule", "parse_rule", "people_sql", "rule_json", "rule_sentence", "rule_sql", "segment_sentences"]
