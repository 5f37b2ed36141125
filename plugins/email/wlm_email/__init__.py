"""The email skill of WLM."""
