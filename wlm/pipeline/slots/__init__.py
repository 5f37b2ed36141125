"""From text to typed values: times, durations, people, places, spans."""
