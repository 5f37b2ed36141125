"""The people skill of WLM."""
