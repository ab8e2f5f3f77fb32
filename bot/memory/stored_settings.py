"""Settings of scopes, and the state that platforms keep of their own accounts: one method a transaction."""

from collections.abc import Sequence

from bot.memory.queries import platform_state, settings
from bot.memory.stored_places import StoredPlaces


class StoredSettings(StoredPlaces):
    """Settings and platform state in memory's file. Raises `UserError` as every method of memory does."""

    async def settings(self, scope: str) -> dict[str, str]:
        return (await self.settings_of((scope,)))[scope]

    async def settings_of(self, scopes: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the settings of a few scopes, by scope and key."""
        return await self._database.run(
            lambda inside: {scope: settings.read_stored_settings(inside, scope) for scope in scopes}
        )

    async def set_setting(self, scope: str, key: str, value: str | None) -> None:
        """Store a setting; None removes it."""
        await self._database.write(lambda inside: settings.store_setting(inside, scope, key, value))

    async def setting_scopes(self) -> tuple[str, ...]:
        return await self._database.run(settings.stored_scopes)

    async def platform_state(self, scope: str) -> dict[str, str]:
        """Return the state that a platform keeps of its own account under `platform/account`, by name."""
        return await self._database.run(lambda inside: platform_state.platform_state(inside, scope))

    async def set_platform_state(self, scope: str, name: str, value: str | None) -> None:
        """Store a value of a platform's own state; None removes the value."""
        await self._database.write(
            lambda inside: platform_state.set_platform_state(inside, scope, name, value)
        )
