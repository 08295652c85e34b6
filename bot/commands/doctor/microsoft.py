"""Checks of Microsoft Graph: the token, what it may read, and the way to SharePoint's copies."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from bot.commands.doctor.finding import CheckResult, Installation, failed, ok, skipped
from bot.commands.doctor.fixes import fix, sign_in
from bot.errors import Malformed, NotFound, OutsideError, Refused
from bot.graph.client import BadRequest, graph_scope
from bot.graph.groups import READ_GROUPS, Groups
from bot.graph.policies import Policies
from bot.graph.proofs import token_claims
from bot.graph.sharepoint import LibraryMissing
from bot.graph.users import READ_USERS, NoMailbox, Person, PersonUnknown
from bot.sign_in import graphs
from bot.tickets.labels import PHOTO_CHANGES, who_may_change

# What gives the reading that the bot needs; the first is the least.
_READ_PEOPLE = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_READ_SITES = ("Sites.Selected", "Sites.Read.All", "Sites.ReadWrite.All", "Sites.Manage.All", "Sites.FullControl.All")
_SOME = 10  # people to choose one from
_OTHER_PERSON = "Name somebody with a photo in SharePoint with --user."


async def graph_token(at: Installation) -> CheckResult:
    """Whether the login service lets us in."""
    try:
        token = await at.graph_tokens.token(graph_scope(at.settings))
    except OutsideError as error:
        return failed(error.detail, sign_in(error, graphs(at.settings), "PHOTOSYNC_GRAPH_URL"))
    at.roles = roles(token)
    by_login = graphs(at.settings).proof
    return ok(f"given by {urlsplit(at.settings.login_url).netloc if by_login else 'the managed identity'}")


def roles(token: str) -> frozenset[str] | None:
    """The application permissions in a token; None where it does not show them."""
    claims = token_claims(token)
    found = claims.get("roles", ())
    return frozenset(map(str, found)) if claims and isinstance(found, list | tuple) else None


async def people_permission(at: Installation) -> CheckResult:
    """Whether the token may read people."""
    return _permission(at, _READ_PEOPLE)


async def sites_permission(at: Installation) -> CheckResult:
    """Whether the token may read sites; with `Sites.Selected` only `library` shows which."""
    return _permission(at, _READ_SITES)


def _permission(at: Installation, any_of: tuple[str, ...]) -> CheckResult:
    if at.roles is None:
        return skipped("the token does not show its permissions")
    given = [role for role in any_of if role in at.roles]
    least = any_of[0]
    if not given:
        return failed(
            f"the token carries neither {least} nor a wider one",
            f"Grant {least} (application permission of Microsoft Graph) with admin consent.",
        )
    return ok(", ".join(given) + ("" if least in given else f"; {least} would do"))


async def person(at: Installation) -> CheckResult:
    """Whether somebody's account can be read; who it is decides what the next checks try."""
    who = at.who or await _anybody(at)
    if not who:
        return skipped("the tenant shows no member to try", _OTHER_PERSON)
    try:
        at.person = await at.users.person(who)
    except PersonUnknown:
        at.who = ""
        raise
    return ok("an account was read" + ("" if at.person.my_site else ", without the address of its personal site"))


async def _anybody(at: Installation) -> str:
    """The object id of some member of the tenant."""
    page = await at.graph.json(f"/users?$select=id,userType&$top={_SOME}", permission=READ_USERS)
    people = page.get("value")
    if not isinstance(people, list):
        raise Malformed("graph", "a page without items")
    members = (one for one in people if isinstance(one, dict) and one.get("userType") != "Guest")
    return next((str(one["id"]) for one in members if one.get("id")), "")


async def photo(at: Installation) -> CheckResult:
    """Whether Graph shows that person's photo to us; which it is is of no interest here."""
    who = at.person.id if at.person else at.who
    if not who:
        return skipped("there was no person to try")
    try:
        found = await at.users.photo(who)
    except Refused as error:
        if not at.roles or at.roles.isdisjoint(_READ_PEOPLE):
            raise
        # Newer documents name a permission of its own; whether it is needed is up to the tenant (docs/facts.md).
        return failed(
            error.detail,
            "Grant ProfilePhoto.Read.All too (application permission of Microsoft Graph), or try another --user: "
            "User.Read.All does not show this photo.",
        )
    except NoMailbox:
        return ok("it may be read; the person tried has no mailbox in Exchange Online")
    return ok("one was read" if found else "it may be read; the person tried has none")


async def photo_changes(at: Installation) -> CheckResult:
    """Whether people may change their photo: without an optional permission that is not known, and no fault."""
    try:
        policy = await Policies(at.graph).photo_now()
    except Refused:
        return skipped(
            "whether people may change their photo is not known",
            "Grant PeopleSettings.Read.All (application permission of Microsoft Graph) to have people told who can "
            "change their photo instead of how.",
        )
    except (NotFound, BadRequest) as error:
        return skipped(f"this cloud does not tell: {error.detail}")
    return ok(PHOTO_CHANGES[who_may_change(policy)])


async def pilot(at: Installation) -> CheckResult:
    """Whether each id of the pilot is a person's or a group's."""
    named = at.settings.pilot
    if not named:
        return ok("PHOTOSYNC_PILOT names nobody: drafts are shown to no one")
    groups, people, unknown = Groups(at.graph), 0, []
    belong: set[str] = set()
    for one in named:
        try:
            members = await groups.members(one)
        except Refused:
            return skipped(
                "which ids of PHOTOSYNC_PILOT are groups is not known",
                f"Grant {READ_GROUPS} if there are any; without it only people's own ids count.",
            )
        if members is not None:
            belong |= members
        elif await _is_person(at, one):
            people += 1
        else:
            unknown.append(one)
    if unknown:
        return failed(
            f"no person and no group of this tenant: {', '.join(unknown)}",
            "Correct PHOTOSYNC_PILOT: object ids of people and groups, as Entra's admin center shows them.",
        )
    return ok(f"people named: {people}; in groups that are named: {len(belong)}")


async def _is_person(at: Installation, identity: str) -> bool:
    try:
        await at.users.person(identity)
    except PersonUnknown:
        return False
    return True


async def my_site_host(at: Installation) -> CheckResult:
    """Whether it can be found out where the personal sites are."""
    one, setting = at.person or Person(""), at.settings.my_site_host
    try:
        at.host = await at.sharepoint.host(one)
    except (Refused, LibraryMissing) as error:
        if at.person is None:
            return skipped(f"needs person, since /sites/root does not name it: {error.detail}")
        return failed(
            f"neither mySite nor /sites/root names it: {error.detail}",
            "Set PHOTOSYNC_MY_SITE_HOST to the host of the personal sites, such as contoso-my.sharepoint.com.",
        )
    by = "by the person's mySite" if one.my_site else "by PHOTOSYNC_MY_SITE_HOST" if setting else "by /sites/root"
    other = setting and at.host != setting
    return ok(f"{at.host}, {by}" + ("; PHOTOSYNC_MY_SITE_HOST names another" if other else ""))


async def library(at: Installation) -> CheckResult:
    """Whether the library with the copies can be read, and how it shows."""
    try:
        found = await at.sharepoint.library(at.host)
    except LibraryMissing as error:
        return failed(
            error.detail,
            f"See that {at.host} is the host of the personal sites (PHOTOSYNC_MY_SITE_HOST): SharePoint makes the "
            "library there with the first photo it copies.",
        )
    except Refused as error:
        client = graphs(at.settings).client
        return failed(
            error.detail,
            f"Grant the application of {client} the role read on https://{at.host} (Sites.Selected; the README has "
            "the request), or Sites.Read.All.",
        )
    except BadRequest as error:
        return failed(error.detail, f"Correct PHOTOSYNC_MY_SITE_HOST: this tenant has no host {at.host}.")
    folders = ", ".join(map(unquote, found.folders)) or "none yet"
    return ok(f"found as a {found.way} on {at.host}; folder: {folders}")


async def copy(at: Installation) -> CheckResult:
    """Whether that person's copy can be downloaded."""
    if at.person is None:
        return skipped("there was no person to try")
    try:
        found = await at.sharepoint.copy(at.person)
    except Malformed as error:
        return failed(error.detail, "Add the host of SharePoint's downloads to PHOTOSYNC_DOWNLOAD_HOSTS.")
    except NotFound as error:
        return failed(error.detail, fix(error))
    return ok("one was downloaded") if found else skipped("the person tried has none", _OTHER_PERSON)
