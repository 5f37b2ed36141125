"""The weather skill of WLM."""
