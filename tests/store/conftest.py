from tests.support.databases import database_url, settings, store

__all__ = ["database_url", "settings", "store"]
