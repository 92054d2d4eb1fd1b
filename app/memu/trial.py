"""Tries a memU service, and finds out which generation of the API it speaks when it is not the configured one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from app.errors import MemoryServerError, MemuKeyRefused, MemuUnavailable
from app.memu.service import Generation, MemuService


async def speaking(services: Mapping[Generation, MemuService], configured: Generation, user: str, agent: str) -> str:
    """Return one line about who answered. Raises MemuUnavailable, which names the generations that did answer.

    services: the same address in each generation.
    """
    try:
        return await services[configured].check(user, agent)
    except MemuKeyRefused:
        raise
    except MemuUnavailable as error:
        others = [generation for generation in services if generation is not configured]
        answers = await asyncio.gather(*(_speaks(services[other], user, agent) for other in others))
        spoken = [other for other, answered in zip(others, answers, strict=True) if answered]
        if not spoken:
            raise
        raise MemuUnavailable(
            f"{error}; {' and '.join(spoken)} answers there: set MEMU_API_VERSION={spoken[0]}"
        ) from None


async def _speaks(service: MemuService, user: str, agent: str) -> bool:
    try:
        await service.check(user, agent)
    except MemoryServerError:
        return False
    return True
