"""Makes an event loop fair: of the callbacks that wait, those of whoever used the loop least of late run first.

asyncio runs callbacks in the order in which they came. Two hundred busy connections then make each round of the loop
take 20 ms, and a call that needs twenty rounds takes 400 ms, whoever it is for. Here a call of a user who calls now and
then waits for one callback of another's, not for all.

The order is start-time fair queueing (P. Goyal et al., SIGCOMM 1996): each account has used so many seconds, and the
one that used least is next. Whoever comes back after a pause counts as having used CREDIT_S less than the others, no
more.
"""

from __future__ import annotations

import asyncio
from asyncio.events import Handle
from collections import OrderedDict, deque
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from heapq import heappop, heappush
from time import perf_counter
from typing import Any, Final, TypeVar, cast

CREDIT_S, CREDIT_OF_ADDRESS_S = 0.1, 0.0
A_ROUND = 32  # callbacks before the loop looks at its sockets again
ACCOUNTS_AT_MOST = 4_096
STRANGERS_AS_USERS = 4  # whose share all addresses together have that have shown no token
# The server's own work comes first: it reads what PostgreSQL answers to all, and that it is gone. When it has much to
# do, such as an index to build, others have half as much of the loop.
OWN_AT_ONCE_S, OWN_SHARE = 0.002, 2

Result = TypeVar("Result")


class Account:
    """What one user or one address uses: seconds of the loop, and the callbacks that wait, oldest first.

    users: as how many users it counts: it may use so many times as much.
    """

    __slots__ = ("queued", "used_s", "users", "waiting")

    def __init__(self, users: int = 1) -> None:
        self.users, self.used_s, self.queued = users, 0.0, False
        self.waiting: deque[Handle] = deque()

    def take(self) -> Handle:
        """Return the next callback, of at least one."""
        return self.waiting.popleft()

    def charge(self, seconds: float) -> None:
        """Count what the callback took that was taken last."""
        self.used_s += seconds / self.users

    def has_more(self) -> bool:
        """Return whether callbacks wait."""
        return bool(self.waiting)


class _Order:
    """Accounts with callbacks, by what they used."""

    __slots__ = ("_credit_s", "_heap", "_now_s", "_number")

    def __init__(self, credit_s: float) -> None:
        self._credit_s = credit_s
        self._heap: list[tuple[float, int, Account]] = []
        self._now_s, self._number = 0.0, 0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def put(self, account: Account) -> None:
        """Let an account wait that doesn't yet."""
        account.queued = True
        account.used_s = max(account.used_s, self._now_s - self._credit_s)
        self._number += 1  # of two that used as much, the first to come
        heappush(self._heap, (account.used_s, self._number, account))

    def next(self) -> Account:
        """Take out the account that used least."""
        used_s, _, account = heappop(self._heap)
        self._now_s = max(self._now_s, used_s)
        return account

    def settle(self, account: Account, seconds: float) -> None:
        """Charge an account that was taken out, and let it wait again if it has more to do."""
        account.charge(seconds)
        if account.has_more():
            self.put(account)
        else:
            account.queued = False


class _Strangers(Account):
    """All addresses whose connections have shown no token."""

    __slots__ = ("_last", "_order")

    def __init__(self) -> None:
        super().__init__(users=STRANGERS_AS_USERS)
        self._order = _Order(CREDIT_OF_ADDRESS_S)
        self._last: Account | None = None

    def put(self, address: Account, handle: Handle) -> None:
        address.waiting.append(handle)
        if not address.queued:
            self._order.put(address)

    def take(self) -> Handle:
        self._last = self._order.next()
        return self._last.take()

    def charge(self, seconds: float) -> None:
        super().charge(seconds)
        if self._last is not None:
            self._order.settle(self._last, seconds)
            self._last = None

    def has_more(self) -> bool:
        return bool(self._order)


class _Payer:
    """Who pays for what is done in a context: a user, or the address of a connection that has shown no token."""

    __slots__ = ("address", "user")

    def __init__(self, address: str = "", user: str | None = None) -> None:
        self.address, self.user = address, user


_payer: ContextVar[_Payer | None] = ContextVar("payer", default=None)


def work_for_address(address: str) -> None:
    """Let an address pay for the rest of this context, and what is begun in it, until a user is known."""
    _payer.set(_Payer(address))


def work_for_user(user: str) -> None:
    """Let a user pay for the connection of this context; in one without a connection, for the context."""
    payer = _payer.get()
    if payer is None:
        _payer.set(_Payer(user=user))
    else:
        payer.user = user


def work_for_stranger() -> None:
    """Let the address of this context's connection pay again: a proxy sends requests of many users on one."""
    payer = _payer.get()
    if payer is not None and payer.address:
        payer.user = None


def working_for() -> str:
    """Return who pays in this context: a user or an address, "" for the server itself."""
    payer = _payer.get()
    return (payer.user or payer.address) if payer is not None else ""


async def shared(work: Coroutine[Any, Any, Result]) -> Result:
    """Do what may open a connection that all users will share; no single one pays for it, now and later."""
    context = copy_context()
    context.run(_payer.set, None)
    return await asyncio.get_running_loop().create_task(work, context=context)


class _Accounts:
    """Accounts by name. The one that was used longest ago is forgotten: it is as one that comes back after a pause."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, Account] = OrderedDict()

    def of(self, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account()
            if len(self._accounts) > ACCOUNTS_AT_MOST:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(name)
        return account


class FairQueue:
    """Stands in for the deque of callbacks that an asyncio loop has ready to run.

    Callbacks of no user and no address are the server's own. `append` may be called from any thread, as asyncio's
    `call_soon_threadsafe` does.
    """

    def __init__(self) -> None:
        self._arrived: deque[Handle] = deque()
        self.append: Final = self._arrived.append
        self._sorted: set[int] = set()
        self._users, self._addresses = _Accounts(), _Accounts()
        self._own: deque[Handle] = deque()
        self._order, self._strangers = _Order(CREDIT_S), _Strangers()
        self._runs, self._account, self._began = False, cast("Account | None", None), 0.0
        self._own_ahead_s = 0.0

    def __len__(self) -> int:
        """Return how many to run before the loop looks at its sockets."""
        if self._runs:
            self._settle(perf_counter())
        if self._sorted:
            self._sort_arrived()  # some of them may be there already
        return min(len(self._arrived) + len(self._sorted), A_ROUND)

    def clear(self) -> None:
        """Forget all."""
        self.__init__()  # type: ignore[misc]

    def popleft(self) -> Handle:
        """Take out the callback that is next."""
        now = perf_counter()
        if self._runs:
            self._settle(now)
        if len(self._arrived) == 1 and not self._sorted:
            return self._arrived.popleft()  # it makes nobody wait, so nobody pays
        self._sort_arrived()
        if self._own and (self._own_ahead_s <= OWN_AT_ONCE_S or not self._order):
            self._account, handle = None, self._own.popleft()
        else:
            self._account = self._order.next()
            handle = self._account.take()
        self._runs, self._began = True, now
        self._sorted.discard(id(handle))
        return handle

    def _settle(self, now: float) -> None:
        """Charge for the callback that has run."""
        self._runs = False
        took_s = now - self._began
        if self._account is not None:
            self._order.settle(self._account, took_s)
            self._own_ahead_s = max(0.0, self._own_ahead_s - took_s * OWN_SHARE)
        else:
            self._own_ahead_s += took_s
        if not self._order:
            self._own_ahead_s = 0.0

    def _sort_arrived(self) -> None:
        while self._arrived:
            self._sort(self._arrived.popleft())

    def _sort(self, handle: Handle) -> None:
        if id(handle) in self._sorted:
            return  # a socket that was readable before its callback ran, and still is
        self._sorted.add(id(handle))
        payer: _Payer | None = handle._context.get(_payer)  # type: ignore[attr-defined]
        if payer is None:
            self._own.append(handle)
            return
        if payer.user is None:
            account: Account = self._strangers
            self._strangers.put(self._addresses.of(payer.address), handle)
        else:
            account = self._users.of(payer.user)
            account.waiting.append(handle)
        if not account.queued:
            self._order.put(account)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop of the system's kind that is fair."""
    loop = asyncio.new_event_loop()
    loop._ready = FairQueue()  # type: ignore[attr-defined]
    return loop
