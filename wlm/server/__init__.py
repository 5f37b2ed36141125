"""The gateway: the same pipeline and events over HTTP. ``wlm.server.app.create_app`` makes it."""
