"""Keep the address book in step with one at a CardDAV server."""
