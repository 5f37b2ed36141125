"""Numbers as they are said and shown, in the units of the user."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

System = Literal["metric", "imperial"]


class Units(NamedTuple):
    """How to say what is held in metric."""

    system: System

    @property
    def imperial(self) -> bool:
        """Whether degrees are Fahrenheit, distances miles."""
        return self.system == "imperial"

    def degrees(self, celsius: float) -> int:
        """The temperature as a whole number."""
        return round(celsius * 9 / 5 + 32) if self.imperial else round(celsius)

    def temperature(self, celsius: float) -> str:
        """To be heard: "minus 3 degrees"."""
        value = self.degrees(celsius)
        return f"{spoken(value)} {'degree' if abs(value) == 1 else 'degrees'}"

    def span(self, low: float, high: float) -> str:
        """To be heard: "6 to 11 degrees"."""
        if self.degrees(low) == self.degrees(high):
            return self.temperature(high)
        return f"{spoken(self.degrees(low))} to {self.temperature(high)}"

    def speed(self, kmh: float) -> str:
        """To be heard: "35 kilometres an hour"."""
        return f"{self._speed(kmh)} {'miles' if self.imperial else 'kilometres'} an hour"

    def speed_sign(self, kmh: float) -> str:
        """To be read: "35 km/h"."""
        return f"{self._speed(kmh)} {'mph' if self.imperial else 'km/h'}"

    def amount(self, millimetres: float) -> str:
        """To be heard: "5 millimetres"; nothing for traces."""
        if self.imperial:
            inches = round(millimetres / 25.4, 1)
            return f"{inches:g} {'inch' if inches == 1 else 'inches'}" if inches else ""
        whole = round(millimetres)
        return f"{whole} {'millimetre' if whole == 1 else 'millimetres'}" if whole else ""

    def amount_sign(self, millimetres: float) -> str:
        """To be read: "5.2 mm"."""
        return f"{millimetres / 25.4:.1f} in" if self.imperial else f"{millimetres:.1f} mm"

    def snow(self, centimetres: float) -> str:
        """To be heard: "3 centimetres"."""
        value = centimetres / 2.54 if self.imperial else centimetres
        unit = "inch" if self.imperial else "centimetre"
        shown = f"{value:.0f}" if value >= 1 else "less than 1"
        return f"{shown} {unit}{'' if shown in ('1', 'less than 1') else 's'}"

    @property
    def sign(self) -> str:
        """°C or °F."""
        return "°F" if self.imperial else "°C"

    def clock(self, moment: datetime) -> str:
        """To be heard: "2 pm", "7:40 am"."""
        hour = moment.hour % 12 or 12
        minutes = f":{moment.minute:02d}" if moment.minute else ""
        if not minutes and moment.hour in (0, 12):
            return "noon" if moment.hour else "midnight"
        return f"{hour}{minutes} {'pm' if moment.hour >= 12 else 'am'}"

    def _speed(self, kmh: float) -> int:
        return round(kmh * 0.621371) if self.imperial else round(kmh)


def spoken(value: int) -> str:
    """A whole number with its sign as a word."""
    return f"minus {-value}" if value < 0 else str(value)
