"""The meeting skill of WLM."""
