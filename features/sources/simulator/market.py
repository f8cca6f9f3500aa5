"""The market that the simulator plays out: sources, attributes, salespeople, signals, and the four worlds.

Everything here is data. Phases of the need, in order: ``AWARE``, ``INTERESTED``, ``EVALUATING``, ``DECIDING``,
``CLOSED`` (the need was met elsewhere or has passed) and, apart, ``NEVER`` (not a buyer, whatever happens).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

AWARE, INTERESTED, EVALUATING, DECIDING, CLOSED, NEVER = range(6)


@dataclass(frozen=True)
class Source:
    """Where leads come from. ``start``: probabilities of the first phase at creation (AWARE, INTERESTED,
    EVALUATING); ``never``: share that are not buyers; ``honest``: share of declared deadlines that are meant;
    ``cost``: currency spent for a lead, on average."""

    name: str
    share: float
    start: tuple[float, float, float]
    never: float
    honest: float
    cost: float


SOURCES = (
    Source("website", 0.24, (0.50, 0.35, 0.15), 0.14, 0.985, 0.0),
    Source("search_ads", 0.20, (0.40, 0.40, 0.20), 0.16, 0.98, 62.0),
    Source("social_ads", 0.16, (0.80, 0.17, 0.03), 0.28, 0.97, 34.0),
    Source("webinar", 0.12, (0.45, 0.45, 0.10), 0.10, 0.985, 48.0),
    Source("event", 0.10, (0.65, 0.30, 0.05), 0.15, 0.96, 140.0),
    Source("partner", 0.08, (0.15, 0.45, 0.40), 0.04, 0.995, 90.0),
    Source("referral", 0.05, (0.20, 0.40, 0.40), 0.04, 0.99, 15.0),
    Source("outbound", 0.05, (0.90, 0.09, 0.01), 0.20, 0.06, 75.0),
)


@dataclass(frozen=True)
class Level:
    """One value of an attribute: its share, and what it multiplies (1 = nothing)."""

    name: str
    share: float
    speed: float = 1.0  # of the need's clock
    fit: float = 1.0  # of the purchase hazard
    activity: float = 1.0  # of the rate of engagement
    value: float = 1.0  # of the deal's value
    wrong: float = 0.05  # probability that a call reaches the wrong person


ATTRIBUTES: dict[str, tuple[Level, ...]] = {
    "industry": (
        Level("software", 0.26, speed=1.35, fit=1.15, activity=1.15),
        Level("manufacturing", 0.22, speed=0.80, value=1.3),
        Level("retail", 0.18, fit=0.85, value=0.8),
        Level("finance", 0.14, speed=0.75, fit=1.1, value=1.6),
        Level("health", 0.12, speed=0.85, activity=0.9),
        Level("public", 0.08, speed=0.60, fit=0.8, value=1.2),
    ),
    "company_size": (
        Level("1-10", 0.30, speed=1.3, fit=0.75, value=0.35),
        Level("11-50", 0.30, speed=1.1),
        Level("51-250", 0.22, fit=1.15, value=2.2),
        Level("251-1000", 0.12, speed=0.8, fit=1.2, value=5.0),
        Level("1000+", 0.06, speed=0.65, value=12.0),
    ),
    "country": (
        Level("DE", 0.34),
        Level("AT", 0.10),
        Level("CH", 0.12, value=1.25),
        Level("FR", 0.18, speed=0.9),
        Level("NL", 0.14, speed=1.1),
        Level("PL", 0.12, fit=0.9, value=0.7),
    ),
    "product": (
        Level("starter", 0.45, speed=1.2, value=0.5),
        Level("team", 0.37),
        Level("enterprise", 0.18, speed=0.75, fit=1.1, value=4.0),
    ),
    "role": (
        Level("manager", 0.42, wrong=0.04),
        Level("specialist", 0.34, activity=1.35, wrong=0.18),
        Level("director", 0.16, activity=0.7, wrong=0.02),
        Level("assistant", 0.08, activity=0.85, wrong=0.35),
    ),
}
OF_THE_LEAD = ("role",)  # the other attributes are those of the account

BASE_VALUE = 6_000.0  # median of the smallest common deal, in currency


@dataclass(frozen=True)
class Owner:
    """A salesperson. ``skill`` 0 to 1: sees better whom to call, and closes better (``closing``); ``capacity``:
    calls made per lead, 1 is usual; ``workload``: share of the leads; ``easy``: how much more often leads of
    partners and referrals come to this person."""

    name: str
    skill: float
    capacity: float
    workload: float
    easy: float = 1.0

    @property
    def closing(self) -> float:
        """What the purchase hazard of a lead in talks with this person is multiplied by."""
        return float(np.exp(1.4 * (self.skill - 0.5)))


OWNERS = (
    Owner("rep-01", 0.90, 1.10, 0.10),
    Owner("rep-02", 0.15, 1.00, 0.10, easy=3.0),
    Owner("rep-03", 0.50, 1.00, 0.12),
    Owner("rep-04", 0.70, 0.60, 0.14),
    Owner("rep-05", 0.30, 1.50, 0.08),
    Owner("rep-06", 0.50, 1.20, 0.09),
    Owner("rep-07", 0.80, 0.80, 0.11),
    Owner("rep-08", 0.20, 0.70, 0.11),
    Owner("rep-09", 0.60, 1.30, 0.07),
    Owner("rep-10", 0.40, 0.90, 0.08, easy=0.5),
)
EASY_SOURCES = ("partner", "referral")


@dataclass(frozen=True)
class Signal:
    """One kind of engagement. ``rate``: mean number a day in each of the six phases, for a usual lead on a
    usual day. ``types``: the events written for it, in order; ``content``: what was read, ``{}`` a number below
    ``variants``."""

    name: str
    rate: tuple[float, float, float, float, float, float]
    types: tuple[str, ...]
    content: str
    variants: int = 1


def _mail(reaction: tuple[float, ...], share: tuple[float, ...]) -> tuple[float, float, float, float, float, float]:
    a, b, c, d, e, f = (0.07 * r * s for r, s in zip(reaction, share, strict=True))
    return a, b, c, d, e, f


_OPEN = (0.18, 0.34, 0.52, 0.66, 0.10, 0.30)
_CLICK = (0.15, 0.25, 0.40, 0.50, 0.08, 0.20)
_PAGE = ("page_view",)

SIGNALS = (
    Signal("blog", (0.045, 0.055, 0.030, 0.015, 0.008, 0.080), _PAGE, "/blog/{}", 40),
    Signal("product", (0.022, 0.070, 0.130, 0.110, 0.008, 0.025), _PAGE, "/product/{}", 6),
    Signal("case", (0.004, 0.050, 0.090, 0.060, 0.004, 0.006), _PAGE, "/customers/{}", 12),
    Signal("pricing", (0.001, 0.010, 0.130, 0.520, 0.006, 0.002), _PAGE, "/pricing"),
    Signal("docs", (0.002, 0.014, 0.140, 0.200, 0.008, 0.015), _PAGE, "/docs/{}", 20),
    Signal("security", (0.0002, 0.0010, 0.012, 0.240, 0.002, 0.0002), _PAGE, "/security"),
    Signal("careers", (0.002, 0.001, 0.0005, 0.0005, 0.001, 0.070), _PAGE, "/careers"),
    Signal("mail", _mail((1,) * 6, tuple(1 - o for o in _OPEN)), ("mail_sent",), "mail-{}", 0),
    Signal("mail_read", _mail(_OPEN, tuple(1 - c for c in _CLICK)), ("mail_sent", "mail_opened"), "mail-{}", 0),
    Signal("mail_clicked", _mail(_OPEN, _CLICK), ("mail_sent", "mail_opened", "mail_clicked"), "mail-{}", 0),
    Signal("webinar_missed", (0.003, 0.007, 0.006, 0.002, 0.002, 0.004), ("webinar_registered",), "webinar-{}", 9),
    Signal(
        "webinar",
        (0.002, 0.008, 0.012, 0.005, 0.001, 0.003),
        ("webinar_registered", "webinar_attended"),
        "webinar-{}",
        9,
    ),
    Signal("paper", (0.003, 0.010, 0.008, 0.003, 0.001, 0.006), ("form_submitted",), "/paper/{}", 5),
    Signal("demo", (0.0002, 0.001, 0.012, 0.040, 0.0005, 0.0005), ("form_submitted",), "/demo"),
    Signal("trial", (0.0002, 0.002, 0.130, 0.420, 0.003, 0.001), ("trial_used",), "trial"),
)
TRIAL = next(i for i, s in enumerate(SIGNALS) if s.name == "trial")
RATES: Float = np.array([s.rate for s in SIGNALS]).T.copy()  # (phases, signals)


@dataclass(frozen=True)
class Change:
    """From ``day`` of the span on the market is another one. ``buys``: multiplies the purchase hazards; ``honest``: the
    odds that a deadline is meant, of needs that come up from then on; ``gone``: the source from which no more leads
    come, and over whose channel nobody is reached."""

    day: int
    buys: float = 1.0
    honest: float = 1.0
    gone: str | None = None


@dataclass(frozen=True)
class World:
    """How the market behaves. ``engagement``: multiplies every signal; ``dated``: share of needs with a date that
    is declared; ``honest``: multiplies the odds that such a date is meant; ``drift``: 0 steady, 1 the market
    changes over the calendar: purchases, speed, the rate of signals and the mix of sources. ``buys``: multiplies the
    purchase hazards; ``change``: for those who want to see it noticed."""

    name: str
    engagement: float = 1.0
    dated: float = 0.34
    honest: float = 1.0
    drift: float = 0.0
    buys: float = 1.0
    change: Change | None = None
    describe: str = field(default="", compare=False)


WORLDS = {
    w.name: w
    for w in (
        World("rich", describe="rich engagement, deadlines mostly honest"),
        World("slipping", dated=0.60, honest=0.005, describe="rich engagement, most declared deadlines slip"),
        World("sparse", engagement=0.18, dated=0.12, describe="few signals, few deadlines"),
        World("drifting", drift=1.0, describe="as rich, while the market changes over time"),
    )
}


def honest_share(world: World, day: npt.ArrayLike = 0) -> Float:
    """(..., sources) the probability that a deadline is meant, of a need that comes up on ``day`` of the span (...)."""
    share = np.array([s.honest for s in SOURCES])
    odds = world.honest * share / (1 - share)
    if world.change is not None:
        odds = odds * np.where(np.asarray(day)[..., None] >= world.change.day, world.change.honest, 1.0)
    else:
        odds = np.broadcast_to(odds, (*np.shape(day), len(odds)))
    return np.asarray(odds / (1 + odds))
