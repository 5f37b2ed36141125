"""From samples to words, behind one interface."""
