"""The three made-up clients: a thriving florist, a software firm whose mail server fails, a museum just starting."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PastCampaign:
    """A mailing `days_ago`; shares of the accepted mails that people open and click, that machines fetch, that come
    back, that people call spam, and that wait at first."""

    name: str
    subject: str
    starter: str
    days_ago: int
    open_share: float
    click_share: float
    unsubscribe_share: float = 0.004
    machine_share: float = 0.09
    bounce_share: float = 0.003
    complaint_share: float = 0.0
    deferral_share: float = 0.02


@dataclass(frozen=True)
class ClientStory:
    slug: str
    name: str
    color: str
    time_zone: str
    plan: str
    postal_address: str
    people: int
    group: str
    extra_column: tuple[str, tuple[str, ...]]
    campaigns: tuple[PastCampaign, ...]
    with_mistakes: bool = False


FLORIST = ClientStory(
    slug="petal-and-stem",
    name="Petal & Stem",
    color="#0f766e",
    time_zone="Europe/Madrid",
    plan="pro",
    postal_address="Petal & Stem (made up)\nCalle de las Flores 12\n28013 Madrid",
    people=984,
    group="Newsletter",
    extra_column=("Favourite flower", ("rose", "peony", "tulip", "lily", "sunflower", "dahlia")),
    campaigns=(
        PastCampaign("Winter wreaths", "Wreaths made this morning", "newsletter", 348, 0.36, 0.051),
        PastCampaign(
            "Valentine's Day",
            'Six days left: roses for {{ contact.first_name | default: "someone" }}',
            "promotion",
            284,
            0.46,
            0.098,
        ),
        PastCampaign("Spring arrivals", "The first tulips are here", "newsletter", 252, 0.39, 0.062),
        PastCampaign("Mother's Day", "She will remember this one", "promotion", 204, 0.49, 0.112),
        PastCampaign("Peony weeks", "Peonies, for three weeks only", "newsletter", 171, 0.41, 0.074),
        PastCampaign("Summer care", "Five ways to keep flowers fresh in July", "newsletter", 137, 0.33, 0.038),
        PastCampaign("Back in the city", "Your balcony after the summer", "newsletter", 80, 0.37, 0.055),
        PastCampaign("Dahlia season", "Dahlias: forty kinds, one weekend", "newsletter", 45, 0.42, 0.071),
        PastCampaign("All Saints", "Order by Thursday for All Saints' Day", "promotion", 24, 0.47, 0.09),
        PastCampaign("November letter", "What we plant before the frost", "newsletter", 9, 0.40, 0.066),
    ),
    with_mistakes=True,
)
SOFTWARE = ClientStory(
    slug="northwind-code",
    name="Northwind Code",
    color="#7c3aed",
    time_zone="Europe/Berlin",
    plan="starter",
    postal_address="Northwind Code (made up)\nSpeicherstrasse 4\n10997 Berlin",
    people=412,
    group="Product news",
    extra_column=("Product", ("Harbour", "Beacon", "Both")),
    campaigns=(
        PastCampaign("Release 4.0", "Harbour 4.0: the long list", "newsletter", 190, 0.31, 0.06, 0.006, 0.22, 0.02),
        PastCampaign("Beacon beta", "Beacon opens its beta", "promotion", 118, 0.27, 0.044, 0.008, 0.24, 0.03, 0.003),
        PastCampaign(
            *("Release 4.1", "Harbour 4.1 is faster where it hurts", "newsletter", 52, 0.22, 0.031, 0.012, 0.25),
            bounce_share=0.062,
            complaint_share=0.009,
            deferral_share=0.08,
        ),
        PastCampaign(
            *("Beacon webinar", "One hour, all of Beacon", "promotion", 11, 0.2, 0.029, 0.012, 0.25),
            bounce_share=0.065,
            complaint_share=0.009,
            deferral_share=0.09,
        ),
    ),
)
MUSEUM = ClientStory(
    slug="salt-museum",
    name="Salt Museum",
    color="#b45309",
    time_zone="Europe/Lisbon",
    plan="starter",
    postal_address="Salt Museum (made up)\nRua do Sal 3\n3800-200 Aveiro",
    people=96,
    group="Friends of the museum",
    extra_column=("Interest", ("tours", "exhibitions", "workshops")),
    campaigns=(PastCampaign("Opening night", "You are invited: opening night", "welcome", 16, 0.58, 0.14, 0.0, 0.05),),
)
STORIES = (FLORIST, SOFTWARE, MUSEUM)
