"""The Teams edge: activities in, messages out. `adapter.py` alone imports the Bot Framework SDK."""

from bot.teams.endpoint import TeamsEndpoint

__all__ = ["TeamsEndpoint"]
