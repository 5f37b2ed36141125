"""What of the weather can be asked for, and the words that ask for it."""

from __future__ import annotations

from typing import Literal

Aspect = Literal[
    "rain", "snow", "temperature", "wind", "sun", "humidity", "sunrise", "sunset", "change"
]

ASPECT_WORDS = {
    "rain": [
        "umbrella",
        "raining",
        "rainy",
        "rained",
        "wet",
        "shower",
        "showers",
        "drizzle",
        "pour",
        "raincoat",
        "precipitation",
    ],
    "snow": ["snowing", "snowy", "snowfall", "snowed", "blizzard"],
    "temperature": [
        "hot",
        "cold",
        "warm",
        "warmer",
        "colder",
        "cooler",
        "cool",
        "chilly",
        "freezing",
        "degrees",
        "jacket",
        "coat",
        "gloves",
    ],
    "wind": ["windy", "gusts", "breezy", "breeze"],
    "sun": ["sunny", "sunshine", "sunblock", "sunscreen", "sunglasses"],
    "humidity": ["humid", "muggy"],
    "sunrise": ["sun rise", "sun come up", "sun comes up", "sun up", "dawn", "get light"],
    "sunset": ["sun set", "sun sets", "sun go down", "sun goes down", "dusk", "get dark"],
    "change": [f"{word} than" for word in ("colder", "warmer", "cooler", "hotter", "milder")],
}
"""Words that ask for an aspect of the weather without its name."""
