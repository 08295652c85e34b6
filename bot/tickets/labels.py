"""What verdicts, reasons, facts, findings and states of tickets mean, in English for helpdesk agents and admins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from dialogs.model import Fact, Reason, SiteFinding, TicketState, Verdict

VERDICTS: Mapping[Verdict, str] = {
    Verdict.MATCH: "SharePoint has the current photo",
    Verdict.DIFFER: "SharePoint has a different photo than Microsoft 365",
    Verdict.MISSING: "SharePoint has no copy of the photo",
    Verdict.UNSURE: "too alike to decide: compare them by eye",
    Verdict.NO_PHOTO: "there is no photo in Microsoft 365",
    Verdict.UNKNOWN: "could not be found out",
}
REASONS: Mapping[Reason, str] = {
    Reason.PERMISSION: "the application lacks a permission; photosync doctor says more",
    Reason.SIGN_IN: "the sign-in service refuses the application; photosync doctor says more",
    Reason.THROTTLED: "Microsoft throttles the requests; try again in some minutes",
    Reason.OUTAGE: "Microsoft Graph or SharePoint failed or could not be reached",
    Reason.TIMEOUT: "there was no answer in time",
    Reason.PICTURE: "one of the two is not a picture that can be opened",
    Reason.PERSON: "the directory does not know this person",
    Reason.LIBRARY: "SharePoint's picture library was not found; photosync doctor says more",
    Reason.GUEST: "a guest: the photo belongs to the person's own organization",
    Reason.DISABLED: "the account is disabled: the person cannot sign in to prompt the copy",
    Reason.NO_MAILBOX: "no mailbox in Exchange Online: the photo is held in Entra ID",
    Reason.MAILBOX_ELSEWHERE: "the mailbox is on premises: Graph cannot show its photo",
    Reason.NO_SHAREPOINT: "no SharePoint plan is assigned to the person",
    Reason.SHARED_MAILBOX: "a shared mailbox or a room: nobody signs in with it",
    Reason.POLICY: "the organization does not let people change their photo: an administrator has to",
    Reason.ON_PREMISES: "photos come from the organization's own directory: it has to be changed there",
    Reason.NO_SITE: "the personal site was never made: the person's first visit to SharePoint makes it",
}
FACTS: Mapping[Fact, str] = {
    Fact.PLACEHOLDER: "SharePoint shows a placeholder, such as a gray silhouette",
    Fact.OLDER: "SharePoint's copy is older than the photo",
    Fact.SYNCED: "SharePoint copied one since the last check, and it still differs",
    Fact.PARTIAL: "only some sizes of SharePoint's copy are current",
    Fact.REGION: "the person's personal site is in another region than PHOTOSYNC_MY_SITE_HOST",
    Fact.ORPHAN: "SharePoint has a photo, Microsoft 365 none",
    Fact.DIRECT: "no Exchange plan: modern pages show Microsoft 365's photo itself, only older ones use the copy",
}
PHOTO_CHANGES: Mapping[str, str] = {
    "everybody": "people may change their own photo",
    "roles": "only some administrators may change photos in this organization",
    "on_premises": "photos come from the organization's own directory and are changed there",
}
FINDINGS: Mapping[SiteFinding, str] = {
    SiteFinding.SAME: "it uses SharePoint's current copy",
    SiteFinding.OLD: "it points to an older copy",
    SiteFinding.UNLISTED: "it does not list the person",
    SiteFinding.FORBIDDEN: "it may not be read: grant Sites.Selected, role read, on it",
    SiteFinding.FAILED: "it could not be read now, or does not exist",
}


TICKETS: Mapping[str, str] = {
    "queued": "not taken by the help desk's system yet, and tried again",
    "failed": "not taken by the help desk's system, and given up",
    "sent": "handed over, and nothing heard of it since",
    TicketState.WORKING: "in progress",
    TicketState.WAITING: "waits for the person's answer",
    TicketState.TOLD: "the help desk has written to the person",
    TicketState.SOLVED: "solved",
    TicketState.CLOSED: "closed",
}


class PhotoPolicy(Protocol):
    """Who may change a photo in the cloud: `bot.graph.policies.PhotoPolicy`."""

    @property
    def on_premises(self) -> bool: ...

    @property
    def roles(self) -> Collection[str]: ...


def who_may_change(policy: PhotoPolicy | None) -> str:
    """The key in `PHOTO_CHANGES`; "" where it is not known."""
    if policy is None:
        return ""
    return "on_premises" if policy.on_premises else "roles" if policy.roles else "everybody"
