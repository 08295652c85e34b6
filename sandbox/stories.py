"""What the demo offers to play, and the people that only a demo needs: the tests count the others."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.world import PEOPLE, Person

ALSO = (
    Person("0a000000-0000-4000-8000-000000000017", "Emma Hughes", "emma.hughes@fabrikam.example", "no-photo", "No photo at all", "en-GB", "Windows"),
    Person("0a000000-0000-4000-8000-000000000018", "Paulo Mendes", "paulo.mendes@fabrikam.example", "missing", "A guest of the organisation", "en-US", "Web", user_type="Guest"),
)  # fmt: skip
_BY_STORY = {one.story: one for one in (*PEOPLE, *ALSO)}


@dataclass(frozen=True)
class Story:
    """One way to meet the bot, offered on the first screen."""

    title: str
    text: str
    person: Person
    delay: int = 0  # seconds that SharePoint takes to copy a photo


STORIES = (
    Story(
        "The old photo", "Ada has a new photo in Microsoft 365. SharePoint still shows the old one.", _BY_STORY["old"]
    ),
    Story("No photo at all", "Emma has no photo anywhere yet, and adds one.", _BY_STORY["no-photo"]),
    Story(
        "SharePoint takes its time",
        "Tom does all that the bot says. The copy comes ten seconds later, and the bot writes by itself.",
        _BY_STORY["by-name"],
        delay=10,
    ),
)
