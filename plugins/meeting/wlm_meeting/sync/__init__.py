"""Keep the calendar in step with one elsewhere: CalDAV both ways, subscriptions one way."""
