"""Typer commands: parse, call, print. One module a command group."""
