"""The demonstration's people: who they are, and what they would do, known to nobody but this file.

Each person has traits that no attribute shows: how ready they are to buy at all, how much a discount
moves them, and whether messages by SMS annoy them. From these follow, for each arm, the chance to buy
within the window: the truth against which rondo's estimates are held.
"""

import math
import random
from dataclasses import dataclass

NAMES = {
    "DE": ["Anna", "Jürgen", "Käthe", "Lukas", "Zoë"],
    "FR": ["Amélie", "François", "Léa", "Noël", "Chloé"],
    "GR": ["Ελένη", "Γιώργος", "Μαρία", "Νίκος", "Σοφία"],
    "JP": ["葵", "健太", "さくら", "蓮", "陽子"],
    "KR": ["민준", "서연", "지훈", "하은", "도윤"],
    "US": ["Ann", "José", "Linda", "O'Neil", "Zack"],
}
ZONES = {"DE": "Europe/Berlin", "FR": "Europe/Paris", "GR": "Europe/Athens", "JP": "Asia/Tokyo",
         "KR": "Asia/Seoul", "US": "America/New_York"}
CATEGORIES = ["shoes", "garden", "toys", "books", "음료"]

MARGIN = 0.3
DISCOUNT = 0.1
ARMS = ("control", "mail", "sms")


@dataclass
class Person:
    number: int
    first_name: str
    country: str
    tier: str
    readiness: float  # Log-odds to buy within the window without any message.
    thrift: float     # How much a discount moves them; never below 0.
    annoyed: bool     # By SMS: then it moves them less.
    basket: float     # Median paid, EUR.
    past: list        # Days before the start on which they bought.

    @property
    def key(self):
        return f"P{self.number:06d}"

    def chance(self, arm):
        """The chance to buy within the response window if assigned to `arm`."""
        push = {"control": 0.0, "mail": 0.8 * self.thrift,
                "sms": (0.1 if self.annoyed else 0.55) * self.thrift}[arm]
        # A threshold: who hardly thinks of buying is moved by nothing.
        if self.readiness < -4.0:
            push = 0.0
        return 1.0 / (1.0 + math.exp(-(self.readiness + push)))

    def expected_basket(self):
        return self.basket * math.exp(0.5 * 0.4 ** 2)

    def expected_value(self, arm):
        """Expected contribution in EUR if assigned to `arm`, contact cost not taken off."""
        rate = MARGIN if arm == "control" else MARGIN - DISCOUNT * self.redeems(arm)
        return self.chance(arm) * self.expected_basket() * rate

    @staticmethod
    def redeems(arm):
        """Share of treated buyers who name the code."""
        return {"mail": 0.5, "sms": 0.5}[arm]

    def purchase(self, arm, rng):
        """(amount, discount, category) of one purchase under `arm`."""
        full = self.basket * math.exp(rng.gauss(0.0, 0.4))
        discount = full * DISCOUNT if arm != "control" and rng.random() < self.redeems(arm) else 0.0
        return round(full, 2), round(discount, 2), rng.choice(CATEGORIES)


def make(size, seed):
    """`size` people; the same for the same seed."""
    rng = random.Random(seed)
    people = []
    for number in range(1, size + 1):
        country = rng.choice(list(NAMES))
        loyal = rng.random() < 0.75
        past = sorted(rng.sample(range(8, 360), rng.randint(2, 6) if loyal else rng.randint(0, 1)))
        people.append(Person(
            number=number,
            first_name=rng.choice(NAMES[country]),
            country=country,
            tier=rng.choices(["bronze", "silver", "gold"], [6, 3, 1])[0],
            readiness=rng.gauss(-2.6, 0.8),
            thrift=max(0.0, rng.gauss(1.0, 0.5)),
            annoyed=rng.random() < 0.5,
            basket=math.exp(rng.gauss(3.9, 0.4)),
            past=past))
    return people
