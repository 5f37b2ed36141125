"""The news skill of WLM."""
