"""The core's migrations. Skills bring their own, in the same form; see ``wlm.store.migrate``."""
