"""A command's settings: the environment over a `.env` file."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dotenv import dotenv_values

from bot import logs
from bot.settings import Settings, Use, read


def environment() -> Mapping[str, str]:
    """The process's environment, over a `.env` file in the working folder."""
    file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**file, **os.environ}


def load(use: Use) -> Settings:
    """The settings, checked for that use; logging is set up as they say. Raises `SettingsError`."""
    settings = read(environment(), use)
    logs.set_up(settings)
    return settings
