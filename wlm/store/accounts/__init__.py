"""Who may use a gateway: users, sessions, API keys, signing keys, logins, the audit log."""
