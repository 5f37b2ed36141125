"""From text to typed values: times, durations, people, places, spans."""

from wlm.pipeline.slots.fill import Filled, SlotFiller

__all__ = ["Filled", "SlotFiller"]
