"""The same requests as one would write them with Microsoft's Graph SDK for Python; it fetches and compares nothing.

One client and one credential for the life of the process, four photo requests at once, and what can be asked together
is asked together. Files by path have no builder of their own: `with_url` is the SDK's way to them.
"""

from __future__ import annotations

import asyncio
import os

from azure.identity.aio import ClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from looking import serve
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.drive_item import DriveItem
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.user import User
from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder

GRAPH = os.environ["PHOTOSYNC_GRAPH_URL"]
FIELDS = ["id", "userPrincipalName", "displayName", "userType", "accountEnabled", "assignedPlans", "mySite"]


class Looking:
    """Fetches what a look needs."""

    def __init__(self, credential: ClientSecretCredential) -> None:
        hosts = [GRAPH.removeprefix("https://"), "localhost"]
        provider = AzureIdentityAuthenticationProvider(credential, scopes=[f"{GRAPH}/.default"], allowed_hosts=hosts)
        adapter = GraphRequestAdapter(provider)
        adapter.base_url = f"{GRAPH}/v1.0"
        self._folder = adapter.base_url + os.environ["BENCH_FOLDER"]
        self._client = GraphServiceClient(request_adapter=adapter)
        self._item = self._client.drives.by_drive_id("-").items.by_drive_item_id("-")
        self._photos = asyncio.Semaphore(4)

    async def look(self, person: str) -> None:
        """Person, photo, the copy's files and the copy: two waits and a download."""
        user, photo, *files = await asyncio.gather(
            self._person(person), self._photo(person), *(self._file(f"{person}_{size}Thumb.jpg") for size in "LMS")
        )
        name = user.user_principal_name.replace("@", "_").replace(".", "_")
        copy, _ = await asyncio.gather(
            self._item.content.with_url(f"{self._folder}/{person}_LThumb.jpg:/content").get(),
            self._file(f"{name}_LThumb.jpg"),
        )
        if not photo or not copy or not files[0]:
            raise ValueError("a photo is missing")

    async def _person(self, person: str) -> User | None:
        chosen = UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(select=FIELDS)
        return await self._client.users.by_user_id(person).get(RequestConfiguration(query_parameters=chosen))

    async def _photo(self, person: str) -> bytes | None:
        async with self._photos:
            photos = self._client.users.by_user_id(person).photos
            return await photos.by_profile_photo_id("360x360").content.get()

    async def _file(self, name: str) -> DriveItem | None:
        try:
            return await self._item.with_url(f"{self._folder}/{name}").get()
        except ODataError as error:
            if error.response_status_code == 404:
                return None
            raise


async def main() -> None:
    """Look when told to."""
    credential = ClientSecretCredential(
        os.environ["MicrosoftAppTenantId"],
        os.environ["MicrosoftAppId"],
        os.environ["MicrosoftAppPassword"],
        authority=os.environ["PHOTOSYNC_LOGIN_URL"],
        disable_instance_discovery=True,  # the pretend login is no public cloud
    )
    async with credential:
        await serve(Looking(credential).look)


if __name__ == "__main__":
    asyncio.run(main())
