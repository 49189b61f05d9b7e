"""The checks of the content on a mail that is not the draft's own: a variant of an A/B test, a corrected version."""

from core.campaigns.models import Campaign
from core.campaigns.preflight.case import Case
from core.campaigns.preflight.registry import Level, Needs, Problem, checks
from core.email_templates.preview import MailSource
from core.email_templates.queries import LinedHtml


def content_problems(campaign: Campaign, source: MailSource) -> list[Problem]:
    """What in these sources keeps them from being sent, all at once."""
    case = Case(campaign)
    case.source, case.lined, case.ab_test = source, LinedHtml(source.html, None), None
    looks = [one for one in checks(up_to=Needs.DRAFT) if one.where == "what"]
    return [problem for one in looks for problem in one.problems(case) if problem.level == Level.STOP]
