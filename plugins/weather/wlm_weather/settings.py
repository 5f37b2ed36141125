"""The settings of the weather."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from wlm.plugins import HOST_ONLY


class WeatherSettings(BaseModel):
    """Settings of the weather."""

    model_config = ConfigDict(defer_build=True)  # built by who uses it

    home: str = Field("", description="Place that is meant when none is said.")
    units: Literal["metric", "imperial"] = Field(
        "metric", description="metric (°C, km/h, mm) or imperial (°F, mph, inches)."
    )
    forecast_url: str = Field(
        "https://api.open-meteo.com/v1/forecast",
        description="Open-Meteo's forecasts.",
        json_schema_extra=HOST_ONLY,
    )
    geocoding_url: str = Field(
        "https://geocoding-api.open-meteo.com/v1/search",
        description="Its place search.",
        json_schema_extra=HOST_ONLY,
    )
    second_url: str = Field(
        "https://api.met.no/weatherapi/locationforecast/2.0/complete",
        description="MET Norway's forecasts, for when Open-Meteo is away. Needs `contact`.",
        json_schema_extra=HOST_ONLY,
    )
    contact: str = Field(
        "",
        description="E-mail address or site that MET Norway may write to, as its terms want. "
        "It is sent with each request to it; empty: MET Norway is not asked.",
        json_schema_extra=HOST_ONLY,
    )
