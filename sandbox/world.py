"""The people of the pretend tenant, and what Microsoft 365 and SharePoint hold of them."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from PIL import Image

from sandbox.encoding import jpeg
from sandbox.faults import Faults
from sandbox.photos import edited_photo, photo
from sandbox.portraits import silhouette
from sandbox.trace import Trace

if TYPE_CHECKING:
    from sandbox.team_sites import TeamSite

EXCHANGE_SIZES = (48, 64, 96, 120, 240, 360, 432, 504, 648)
THUMBNAILS = {"S": 48, "M": 72, "L": 300}


_silhouette = functools.lru_cache(maxsize=1)(silhouette)


@functools.lru_cache(maxsize=16)
def _odd(seed: str, variant: int) -> Image.Image:
    """Entra ID keeps what it was given: any size, any shape."""
    return photo(seed, variant).crop((0, 60, 648, 492)).resize((500, 333))


@dataclass(frozen=True)
class Person:
    """Somebody who can be chosen to chat as."""

    id: str  # Entra object id
    name: str
    upn: str
    story: str
    about: str  # one line for the list of people
    locale: str
    platform: str  # as Teams' clientInfo names it
    user_type: str = "Member"
    enabled: bool = True
    sharepoint: bool = True  # has a plan with SharePoint
    purpose: str = "user"  # of the mailbox
    has_site: bool = True  # the personal site was made


@dataclass
class Photo:
    """What Microsoft 365 has: a picture, or one of the two shapes of nothing."""

    picture: Image.Image | None
    etag: str
    empty_shape: str = "404"  # or `1x1`
    empty_code: str = "ImageNotFound"  # one of the many codes of a 404
    in_exchange: bool = True  # Exchange serves many sizes, Entra ID the one it was given


@dataclass
class Copy:
    """SharePoint's thumbnails of one account name, by letter."""

    files: dict[str, bytes]
    etag: str
    modified: datetime
    apart: dict[str, datetime] = field(default_factory=dict)  # letters that a sync reached at another time


@dataclass
class Holdings:
    """What the two sides hold of one person."""

    photo: Photo
    copies: dict[str, Copy] = field(default_factory=dict)  # by account name
    by_name: bool = False  # files named by the account's name: older tenants, and tools that copy in bulk
    due: list[tuple[float, Image.Image]] = field(default_factory=list)  # copies under way: (when, of what)


PEOPLE = (
    Person("0a000000-0000-4000-8000-000000000001", "Ada O'Neil", "ada.oneil@fabrikam.example", "old", "Old photo in SharePoint", "en-US", "Windows"),
    Person("0a000000-0000-4000-8000-000000000002", "Sven Åkesson", "sven.akesson@fabrikam.example", "missing", "No photo in SharePoint yet", "sv-SE", "Mac"),
    Person("0a000000-0000-4000-8000-000000000003", "Ольга Смирнова", "olga.smirnova@fabrikam.example", "no-photo", "No photo at all", "ru-RU", "Windows"),
    Person("0a000000-0000-4000-8000-000000000004", "Jānis Bērziņš", "janis.berzins@fabrikam.example", "one-pixel", "No photo at all, told as one pixel", "lv-LV", "Android"),
    Person("0a000000-0000-4000-8000-000000000005", "王小明", "wang.xiaoming@fabrikam.example", "match", "Both photos match", "zh-CN", "Windows"),
    Person("0a000000-0000-4000-8000-000000000006", "Grace Okafor", "grace.okafor@fabrikam.example", "close", "Too close to call", "en-GB", "Mac"),
    Person("0a000000-0000-4000-8000-000000000007", "Frank Vogel", "frank.vogel@fabrikam.example", "forbidden", "Graph refuses to show the photo", "en-US", "Web"),
    Person("0a000000-0000-4000-8000-000000000008", "عمر الخطيب", "omar.alkhatib@fabrikam.example", "rtl-name", "A right-to-left name, old photo", "ar-SA", "iOS"),
    Person("0a000000-0000-4000-8000-000000000009", "Maria Lindqvist", "maria.lindqvist@fabrikam.example", "old-sv", "Old photo in SharePoint", "sv-SE", "Windows"),
    Person("0a000000-0000-4000-8000-000000000010", "Дмитрий Волков", "dmitri.volkov@fabrikam.example", "old-ru", "Old photo in SharePoint", "ru-RU", "Android"),
    Person("0a000000-0000-4000-8000-000000000011", "Līga Ozola", "liga.ozola@fabrikam.example", "old-lv", "Old photo in SharePoint", "lv-LV", "Windows"),
    Person("0a000000-0000-4000-8000-000000000012", "李娜", "li.na@fabrikam.example", "old-zh", "Old photo in SharePoint", "zh-CN", "iOS"),
    Person("0a000000-0000-4000-8000-000000000013", "Noor de Vries", "noor.devries@fabrikam.example", "silhouette", "A grey silhouette in SharePoint", "en-US", "Windows"),
    Person("0a000000-0000-4000-8000-000000000014", "Tom Baker", "tom.baker@fabrikam.example", "by-name", "Old photo, filed by account name", "en-US", "Windows"),
    Person("0a000000-0000-4000-8000-000000000015", "Ines Duarte", "ines.duarte@fabrikam.example", "entra-only", "Photo in Entra ID only", "en-US", "Windows"),
    Person("0a000000-0000-4000-8000-000000000016", "נועם לוי", "noam.levi@fabrikam.example", "old-he", "Old photo in SharePoint", "he-IL", "Windows"),
)  # fmt: skip

KINDS = (
    Person("0a000000-0000-4000-8000-000000000021", "Nils Nyberg", "nils.nyberg@fabrikam.example", "new", "New here: no personal site yet", "sv-SE", "Windows", has_site=False),
    Person("0a000000-0000-4000-8000-000000000022", "Erik Berg", "erik.berg_contoso.example#EXT#@fabrikam.example", "guest", "A guest of the organisation", "sv-SE", "Windows", user_type="Guest"),
    Person("0a000000-0000-4000-8000-000000000023", "Reception", "reception@fabrikam.example", "shared", "A shared mailbox", "en-US", "Web", enabled=False, purpose="shared"),
    Person("0a000000-0000-4000-8000-000000000024", "Room 4", "room.4@fabrikam.example", "room", "A meeting room", "en-US", "Web", enabled=False, purpose="room"),
    Person("0a000000-0000-4000-8000-000000000025", "Carla Conti", "carla.conti@fabrikam.example", "left", "Left: the account is disabled", "it-IT", "Web", enabled=False),
)  # fmt: skip
"""People of other kinds, whom a tenant has when they are added to `World.people`."""


class World:
    """Everything that changes. Time goes on by the real clock; tests may add to `skipped`."""

    def __init__(self) -> None:
        self.people: tuple[Person, ...] = PEOPLE
        self.photo_settings: dict[str, object] = {"source": None, "allowedRoles": []}  # who may change a photo
        self.groups: dict[str, tuple[str, ...]] = {}  # object ids of their members, groups among them
        self.team_sites: list[TeamSite] = []  # that people may name
        self.faults = Faults()
        self.trace = Trace()
        self.client_secrets: list[dict[str, str]] = []  # `hint` and `endDateTime` of the application's
        self.skipped = 0.0  # seconds that tests let pass
        self._numbers = itertools.count(1)
        self._holdings: dict[str, Holdings] = {}
        self._indexed: tuple[Person, ...] = ()
        self._by_name: dict[str, Person] = {}  # object id and user principal name
        self._sites: dict[str, str] = {}  # names of personal sites by object id
        self._filed: dict[str, list[str]] = {}  # object ids of those whose files may have a name

    def members(self, group: str) -> list[str]:
        """The object ids of all in a group, and of the groups in it, each once."""
        found, open_ = dict[str, None](), [group]
        while open_:
            new = [one for one in self.groups[open_.pop()] if one not in found]  # groups may hold each other
            found |= dict.fromkeys(new)
            open_ += [one for one in new if one in self.groups]
        return list(found)

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.skipped

    def person(self, who: str) -> Person | None:
        """By object id or user principal name."""
        return self._index().get(who.lower())

    def _index(self) -> dict[str, Person]:
        if self._indexed is not self.people:
            self._indexed, self._by_name, self._sites, self._filed = self.people, {}, {}, {}
            taken: set[str] = set()
            for one in self.people:
                plain = site_name(one.upn)
                number = next(n for n in itertools.count() if f"{plain}{n or ''}" not in taken)
                self._sites[one.id] = f"{plain}{number or ''}"
                taken.add(self._sites[one.id])
                self._by_name |= {one.upn: one, one.id: one}
                for name in {one.id, file_name(one.upn), self._sites[one.id]}:
                    self._filed.setdefault(name, []).append(one.id)
        return self._by_name

    def personal_site(self, person_id: str) -> str:
        """The last part of its address: SharePoint's own spelling of the account, made when the site was."""
        self._index()
        return self._sites[person_id]

    def names(self, person: Person) -> tuple[str, ...]:
        """What the person is called in addresses and in names of files."""
        return person.id, person.upn, file_name(person.upn), self.personal_site(person.id)

    def crowd(self, size: int, like: Sequence[Person] = PEOPLE[:1]) -> tuple[Person, ...]:
        """That many more people, for long runs, with the stories of those they are `like`, in turn."""
        made = tuple(
            replace(
                like[n % len(like)],
                id=f"0c000000-0000-4000-8000-{n:012}",
                name=f"Person {n}",
                upn=f"person.{n}@fabrikam.example",
                about="One of a crowd",
                locale="en-US",
                platform="Windows",
            )
            for n in range(size)
        )
        self.people += made
        return made

    def holdings(self, person_id: str) -> Holdings:
        """What is held now: copies that have become due are made first."""
        if person_id not in self._holdings:
            self._begin(person_id)
        held = self._holdings[person_id]
        while held.due and held.due[0][0] <= self.now():
            when, picture = held.due.pop(0)
            self.copy(person_id, held, picture, datetime.fromtimestamp(when, UTC))
        return held

    def filed(self, account: str) -> Copy | None:
        """SharePoint's copy under an account name: an object id, `file_name`, or the name of a personal site."""
        self._index()
        copies = (self.holdings(one).copies.get(account) for one in self._filed.get(account, ()))
        return next(filter(None, copies), None)

    def change_photo(self, person_id: str, variant: int | Image.Image) -> None:
        """The person puts one of the own photos, or a picture, into Microsoft 365, which has it at once; SharePoint
        does not."""
        held = self.holdings(person_id)
        in_exchange = held.photo.in_exchange
        if isinstance(variant, int):
            held.photo = self._photo(person_id, variant, in_exchange=in_exchange)
        else:
            held.photo = Photo(variant, self._etag(), in_exchange=in_exchange)

    def remove_photo(self, person_id: str) -> None:
        """The person removes the photo; SharePoint keeps its copy."""
        held = self.holdings(person_id)
        held.photo = Photo(None, "", in_exchange=held.photo.in_exchange)

    def start_over(self, person_id: str) -> None:
        """Both sides hold again what they held in the beginning."""
        self._holdings.pop(person_id, None)

    def visit_sharepoint(self, person_id: str, delay: float = 0.0) -> None:
        """The person chooses the SharePoint tile: the present photo is copied after `delay` seconds."""
        held = self.holdings(person_id)
        if held.photo.picture is None or not held.photo.in_exchange:
            return
        held.due.append((self.now() + delay, held.photo.picture))
        held.due.sort(key=lambda pair: pair[0])
        self.holdings(person_id)

    # Beginnings

    def _begin(self, person_id: str) -> None:
        person = self.person(person_id)
        assert person is not None
        held = self._holdings[person_id] = Holdings(self._photo(person_id, 0))
        story = person.story.partition("-")[0] if person.story.startswith("old-") else person.story
        _BEGINNINGS[story](self, person_id, held)

    def _photo(self, person_id: str, variant: int, *, in_exchange: bool = True) -> Photo:
        seed = _seed(person_id)
        picture = photo(seed, variant) if in_exchange else _odd(seed, variant)
        return Photo(picture, self._etag(), in_exchange=in_exchange)

    def _etag(self) -> str:
        return f'"{next(self._numbers):08X}"'

    def copy(self, person_id: str, held: Holdings, picture: Image.Image, when: datetime) -> None:
        """A sync."""
        person = self.person(person_id)
        assert person is not None
        self.file(person_id, file_name(person.upn) if held.by_name else person_id, picture, when)

    def file(self, person_id: str, account: str, picture: Image.Image, when: datetime, letters: str = "SML") -> None:
        """Put files of those sizes there by hand, as a tool does that copies in bulk."""
        files = {letter: jpeg(picture, (THUMBNAILS[letter],) * 2, quality=75) for letter in letters}
        self.holdings(person_id).copies[account] = Copy(files, self._etag(), when)

    def begin_old(self, person_id: str, held: Holdings) -> None:
        self.copy(person_id, held, photo(_seed(person_id), 3), _long_ago())

    def begin_missing(self, person_id: str, held: Holdings) -> None:
        """Nothing was ever copied."""

    def begin_no_photo(self, person_id: str, held: Holdings) -> None:
        held.photo = Photo(None, "")

    def begin_one_pixel(self, person_id: str, held: Holdings) -> None:
        held.photo = Photo(None, "", empty_shape="1x1")

    def begin_match(self, person_id: str, held: Holdings) -> None:
        self.copy(person_id, held, photo(_seed(person_id)), _long_ago())

    def begin_close(self, person_id: str, held: Holdings) -> None:
        self.copy(person_id, held, edited_photo(_seed(person_id), 0.7), _long_ago())

    def begin_forbidden(self, person_id: str, held: Holdings) -> None:
        self.begin_old(person_id, held)
        self.faults.forbidden.add(person_id)

    def begin_silhouette(self, person_id: str, held: Holdings) -> None:
        self.copy(person_id, held, _silhouette(300), _long_ago())

    def begin_filed_by_name(self, person_id: str, held: Holdings) -> None:
        held.by_name = True
        self.begin_old(person_id, held)

    def begin_entra_only(self, person_id: str, held: Holdings) -> None:
        held.photo = self._photo(person_id, 0, in_exchange=False)


_BEGINNINGS = {
    "old": World.begin_old,
    "missing": World.begin_missing,
    "no-photo": World.begin_no_photo,
    "one-pixel": World.begin_one_pixel,
    "match": World.begin_match,
    "close": World.begin_close,
    "forbidden": World.begin_forbidden,
    "rtl-name": World.begin_old,
    "silhouette": World.begin_silhouette,
    "by-name": World.begin_filed_by_name,
    "entra-only": World.begin_entra_only,
    "new": World.begin_missing,
    "guest": World.begin_missing,
    "shared": World.begin_old,
    "room": World.begin_missing,
    "left": World.begin_old,
}


def file_name(upn: str) -> str:
    """How older tenants, and tools that copy in bulk, name the files of an account: two accounts may share a name."""
    return upn.replace("@", "_").replace(".", "_")


def site_name(upn: str) -> str:
    """How SharePoint names a personal site, before it puts a number behind a name that is taken."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in upn)


def _seed(person_id: str) -> str:
    """A crowd shares a few faces: drawing takes its time."""
    return f"crowd-{int(person_id[-6:]) % 4}" if person_id.startswith("0c") else person_id


def _long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=400)
