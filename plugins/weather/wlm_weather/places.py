"""Which place was meant: "Paris", "Paris, Texas", "Springfield Illinois", "Cologne Germany".

The provider looks up names only, so what is said after the name chooses among its answers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from wlm.plugins import Place

_COUNTRIES = {"uk": "GB", "england": "GB", "britain": "GB", "usa": "US", "america": "US"}
_STATES = {
    "al": "alabama", "ak": "alaska", "az": "arizona", "ar": "arkansas", "ca": "california",
    "co": "colorado", "ct": "connecticut", "de": "delaware", "fl": "florida", "ga": "georgia",
    "hi": "hawaii", "id": "idaho", "il": "illinois", "in": "indiana", "ia": "iowa",
    "ks": "kansas", "ky": "kentucky", "la": "louisiana", "me": "maine", "md": "maryland",
    "ma": "massachusetts", "mi": "michigan", "mn": "minnesota", "ms": "mississippi",
    "mo": "missouri", "mt": "montana", "ne": "nebraska", "nv": "nevada", "nh": "new hampshire",
    "nj": "new jersey", "nm": "new mexico", "ny": "new york", "nc": "north carolina",
    "nd": "north dakota", "oh": "ohio", "ok": "oklahoma", "or": "oregon", "pa": "pennsylvania",
    "ri": "rhode island", "sc": "south carolina", "sd": "south dakota", "tn": "tennessee",
    "tx": "texas", "ut": "utah", "vt": "vermont", "va": "virginia", "wa": "washington",
    "wv": "west virginia", "wi": "wisconsin", "wy": "wyoming", "dc": "district of columbia",
}  # fmt: skip
CLOSE = 20
"""A namesake counts as one that could have been meant from 1/20 of the largest's people."""


class Match(NamedTuple):
    """One answer of the gazetteer."""

    name: str
    latitude: float
    longitude: float
    country: str
    country_code: str
    region: str
    timezone: str
    population: int

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Match:
        """From the provider's JSON. Raises ``KeyError`` or ``ValueError``."""
        return cls(
            str(raw["name"]),
            float(raw["latitude"]),
            float(raw["longitude"]),
            str(raw.get("country") or ""),
            str(raw.get("country_code") or ""),
            str(raw.get("admin1") or ""),
            str(raw.get("timezone") or ""),
            int(raw.get("population") or 0),
        )

    @property
    def place(self) -> Place:
        """The match as a slot value."""
        return Place(
            self.name, self.latitude, self.longitude, self.country or None, self.timezone or None
        )

    def full(self) -> str:
        """Name, region and country, each once."""
        return ", ".join(dict.fromkeys(p for p in (self.name, self.region, self.country) if p))


class Chosen(NamedTuple):
    """The place that is taken, and the namesakes that it was taken over."""

    match: Match
    others: list[Match]
    narrowed: bool = False
    """Whether more than the name was said, to tell it from another."""

    @property
    def called(self) -> str:
        """What to call it: with its region where that was said, or its country."""
        beside = self.match.region or self.match.country
        return f"{self.match.name}, {beside}" if self.narrowed and beside else self.match.name


def readings(said: str) -> list[tuple[str, str]]:
    """How the words may divide into name and what narrows it, the likeliest first."""
    name, comma, rest = said.partition(",")
    if comma:
        return [(name.strip(), rest.strip())]
    words = said.split()
    cuts = range(len(words) - 1, max(0, len(words) - 4), -1)
    return [(said.strip(), "")] + [(" ".join(words[:cut]), " ".join(words[cut:])) for cut in cuts]


def choose(matches: Sequence[Match], name: str, narrowed: str) -> Chosen | None:
    """The match with the most people among those that fit; ``None`` if none does."""
    fitting = [match for match in matches if not narrowed or _within(match, narrowed)]
    if not fitting:
        return None
    exact = [match for match in fitting if plain(match.name) == plain(name)]
    ranked = sorted(exact or fitting, key=lambda match: -match.population)
    best, *rest = ranked
    others = [
        match
        for match in rest
        if match.population * CLOSE >= max(best.population, 1)
        and plain(match.name) == plain(best.name)
        and (match.region, match.country) != (best.region, best.country)
    ]
    return Chosen(best, others, bool(narrowed))


def near(said: str, matches: Sequence[Match]) -> list[str]:
    """Names of places that sound like what was said, at most three."""
    import difflib

    by_plain = {plain(match.name): match.name for match in matches}
    found = difflib.get_close_matches(plain(said), list(by_plain), n=3, cutoff=0.6)
    return [by_plain[each] for each in found]


def plain(text: str) -> str:
    """Lower case without accents or punctuation."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c if c.isalnum() else " " for c in bare if not _mark(c)).split())


def _mark(char: str) -> bool:
    return unicodedata.combining(char) != 0


def _within(match: Match, narrowed: str) -> bool:
    wanted = plain(narrowed)
    regions = {plain(match.region), plain(match.country), match.country_code.casefold()}
    state = _STATES.get(wanted, "")
    country = _COUNTRIES.get(wanted, "").casefold()
    return bool({wanted, state, country} & (regions - {""})) or any(
        _within(match, part) for part in narrowed.split(",") if part.strip() and "," in narrowed
    )
