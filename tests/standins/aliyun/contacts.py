"""Cloud Monitor: contacts and their groups."""

from __future__ import annotations

from tests.standins.aliyun.state import Refused, Reply, Request, State

_FINE = {"Success": True, "Code": "200", "Message": "success"}
_CHANNELS = {"AliIM": "Channels.AliIM", "DingWebHook": "Channels.DingWebHook", "Mail": "Channels.Mail",
             "SMS": "Channels.SMS"}  # fmt: skip


def put_contact(state: State, request: Request) -> Reply:
    given, name = request.parameters, request.parameter("ContactName")
    channels = {key: given[sent] for key, sent in _CHANNELS.items() if given.get(sent)}
    state.contacts[name] = {
        "Name": name,
        "Desc": given.get("Describe", ""),
        "Lang": given.get("Lang", "zh-cn"),
        "Channels": channels,
        # A channel works once its owner has clicked on a link in a message.
        "ChannelsState": dict.fromkeys(channels, "PENDING"),
        "CreateTime": int(state.now() * 1000),
        "UpdateTime": int(state.now() * 1000),
        "ContactGroups": {"ContactGroup": []},
    }
    return Reply(dict(_FINE))


def contacts(state: State, request: Request) -> Reply:
    wanted = request.parameters.get("ContactName")
    found = [one for name, one in state.contacts.items() if wanted in (None, "", name)]
    return Reply(_FINE | {"Total": len(found), "Contacts": {"Contact": found}})


def delete_contact(state: State, request: Request) -> Reply:
    name = request.parameter("ContactName")
    if state.contacts.pop(name, None) is None:
        raise Refused(404, "ContactNotExists", "The contact does not exist.")
    for group in state.contact_groups.values():
        group["Contacts"]["Contact"] = [one for one in group["Contacts"]["Contact"] if one != name]
    return Reply(dict(_FINE))


def put_group(state: State, request: Request) -> Reply:
    name, members = request.parameter("ContactGroupName"), request.numbered("ContactNames")
    missing = [one for one in members if one not in state.contacts]
    if missing:
        raise Refused(404, "ContactNotExists", f"the contact does not exist: {missing[0]}")
    state.contact_groups[name] = {
        "Name": name,
        "Describe": request.parameters.get("Describe", ""),
        "EnableSubscribed": request.parameters.get("EnableSubscribed") == "true",
        "EnabledWeeklyReport": False,
        "Contacts": {"Contact": members},
        "CreateTime": int(state.now() * 1000),
        "UpdateTime": int(state.now() * 1000),
    }
    return Reply(dict(_FINE))


def groups(state: State, request: Request) -> Reply:
    size = int(request.parameters.get("PageSize", "10"))
    begin = (int(request.parameters.get("PageNumber", "1")) - 1) * size
    page = list(state.contact_groups.values())[begin : begin + size]
    names = {"ContactGroup": [one["Name"] for one in page]}
    total = len(state.contact_groups)
    return Reply(_FINE | {"Total": total, "ContactGroupList": {"ContactGroup": page}, "ContactGroups": names})


def delete_group(state: State, request: Request) -> Reply:
    name = request.parameter("ContactGroupName")
    if any(name in alarm["shown"]["ContactGroups"].split(",") for alarm in state.alarms.values()):
        raise Refused(400, "ParameterInvalid", "the contact group is used by an alarm rule")
    if state.contact_groups.pop(name, None) is None:
        raise Refused(404, "ContactNotExists", "The contact group does not exist.")
    return Reply(dict(_FINE))


ROUTES = [
    ("cms PutContact", put_contact),
    ("cms DescribeContactList", contacts),
    ("cms DeleteContact", delete_contact),
    ("cms PutContactGroup", put_group),
    ("cms DescribeContactGroupList", groups),
    ("cms DeleteContactGroup", delete_group),
]
