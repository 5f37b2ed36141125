"""From text to decision: normalise, split, classify."""
