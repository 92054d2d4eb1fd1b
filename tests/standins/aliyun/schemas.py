"""RDS: accounts and databases of an instance. Passwords are kept as digests alone."""

from __future__ import annotations

import hashlib
import re

from tests.standins.aliyun.database_reads import found
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State


def create_account(state: State, request: Request) -> Reply:
    one, name = found(state, request), request.parameter("AccountName")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,61}[a-z0-9]", name):
        raise Refused(400, "InvalidAccountName.Format", f"AccountName: {name}")
    if name in one["accounts"]:
        raise Refused(400, "InvalidAccountName.Duplicate", "The specified account name already exists.")
    shown = {
        "DBInstanceId": one["shown"]["DBInstanceId"],
        "AccountName": name,
        "AccountType": request.parameters.get("AccountType", "Normal"),
        "AccountDescription": request.parameters.get("AccountDescription", ""),
        "AccountStatus": "Available",
        "DatabasePrivileges": {"DatabasePrivilege": []},
        "CheckPolicy": False,
    }
    one["accounts"][name] = {"shown": shown, "digest": _digest(request)}
    return Reply({})


def _digest(request: Request) -> str:
    password = request.parameter("AccountPassword")
    kinds = (r"[a-z]", r"[A-Z]", r"\d", r"[!@#$%^&*()_+=-]")
    if not 8 <= len(password) <= 32 or sum(bool(re.search(kind, password)) for kind in kinds) < 3:
        raise Refused(400, "InvalidAccountPassword.Malformed", "The password is too short or too simple.")
    return hashlib.sha256(password.encode()).hexdigest()


def accounts(state: State, request: Request) -> Reply:
    wanted = request.parameters.get("AccountName")
    shown = [one["shown"] for name, one in found(state, request)["accounts"].items() if wanted in (None, "", name)]
    return Reply({"Accounts": {"DBInstanceAccount": shown}, "PageNumber": 1, "TotalRecordCount": len(shown)})


def _account(state: State, request: Request) -> Json:
    table: dict[str, Json] = found(state, request)["accounts"]
    name = request.parameter("AccountName")
    if name not in table:
        raise Refused(404, "InvalidAccountName.NotFound", "The account is not found.")
    return table[name]


def set_password(state: State, request: Request) -> Reply:
    _account(state, request)["digest"] = _digest(request)
    return Reply({})


def describe_account(state: State, request: Request) -> Reply:
    _account(state, request)["shown"]["AccountDescription"] = request.parameters.get("AccountDescription", "")
    return Reply({})


def delete_account(state: State, request: Request) -> Reply:
    name = _account(state, request)["shown"]["AccountName"]
    del found(state, request)["accounts"][name]
    return Reply({})


def create_database(state: State, request: Request) -> Reply:
    one, name = found(state, request), request.parameter("DBName")
    if name in one["schemas"]:
        raise Refused(400, "InvalidDBName.Duplicate", "The specified database name already exists.")
    charset, collate, ctype = [*request.parameter("CharacterSetName").split(","), "C", "en_US.utf8"][:3]
    one["schemas"][name] = {
        "DBInstanceId": one["shown"]["DBInstanceId"],
        "DBName": name,
        "CharacterSetName": charset,
        "Collate": collate,
        "Ctype": ctype,
        "DBDescription": request.parameters.get("DBDescription", ""),
        "DBStatus": "Running",
        "Engine": "PostgreSQL",
        "Accounts": {"AccountPrivilegeInfo": []},
    }
    return Reply({})


def databases(state: State, request: Request) -> Reply:
    wanted = request.parameters.get("DBName")
    shown = [one for name, one in found(state, request)["schemas"].items() if wanted in (None, "", name)]
    return Reply({"Databases": {"Database": shown}})


def describe_database(state: State, request: Request) -> Reply:
    found(state, request)["schemas"][request.parameter("DBName")]["DBDescription"] = request.parameter("DBDescription")
    return Reply({})


def delete_database(state: State, request: Request) -> Reply:
    if found(state, request)["schemas"].pop(request.parameter("DBName"), None) is None:
        raise Refused(404, "InvalidDBName.NotFound", "The database does not exist.")
    return Reply({})


ROUTES = [
    ("rds CreateAccount", create_account),
    ("rds DescribeAccounts", accounts),
    ("rds ResetAccountPassword", set_password),
    ("rds ModifyAccountDescription", describe_account),
    ("rds DeleteAccount", delete_account),
    ("rds CreateDatabase", create_database),
    ("rds DescribeDatabases", databases),
    ("rds ModifyDBDescription", describe_database),
    ("rds DeleteDatabase", delete_database),
]
