from core.common.tasks import Summary, agency_task
from core.tracking import services


@agency_task(name="tracking.roll_up")
def roll_up() -> Summary:
    """Bring the counters of campaigns with new events up to date."""
    return services.roll_up()
